import { fail, input, lines, restore, saveLater, setOutput } from "./kit.mjs";

const key = input("key");
const paths = lines(input("path"));
if (!key || key.length > 512 || key.includes(",")) fail(`key ${JSON.stringify(key)}: at most 512 characters, no commas`);
if (!paths.length) fail("path is empty");
const hit = restore(key, lines(input("restore-keys")), paths, input("lookup-only") === "true");
setOutput("cache-primary-key", key);
setOutput("cache-hit", hit ? String(hit === key) : "");
if (hit) setOutput("cache-matched-key", hit);
if (!hit && input("fail-on-cache-miss") === "true") fail(`no cache under ${key}`);
if (hit !== key) saveLater(key, paths);
