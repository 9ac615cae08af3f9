import { saveNow } from "./kit.mjs";

saveNow();
