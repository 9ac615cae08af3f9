import { checked, save } from "./kit.mjs";

save(...checked());
