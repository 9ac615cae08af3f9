import { restoreAsked, saveLater } from "./kit.mjs";

const { key, paths, hit } = restoreAsked();
if (hit !== key) saveLater(key, paths);
