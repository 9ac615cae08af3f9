import { restoreAsked } from "./kit.mjs";

restoreAsked();
