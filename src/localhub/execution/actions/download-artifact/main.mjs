import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join, matchesGlob, resolve } from "node:path";
import { fail, input, setOutput } from "./kit.mjs";

const kept = `${process.env.LOCALHUB_ROOT}/artifacts`;
const numbers = Object.fromEntries(readdirSync(kept).map((id) => [readdirSync(join(kept, id))[0], id]));
const all = Object.keys(numbers);
const into = resolve(process.env.GITHUB_WORKSPACE, input("path").replace(/^~/, process.env.HOME) || ".");
const name = input("name");
if (name && !all.includes(name)) fail(`Unable to download artifact(s): Artifact not found for name: ${name}`);
const ids = input("artifact-ids").split(",").map((id) => id.trim()).filter(Boolean);
if (name && ids.length) fail("Inputs 'name' and 'artifact-ids' cannot be used together");
const unknown = ids.filter((id) => !Object.values(numbers).includes(id));
if (unknown.length) fail(`Unable to download artifact(s): Artifact not found for id: ${unknown.join(", ")}`);
const chosen = (each) => (ids.length ? ids.includes(numbers[each]) : !input("pattern") || matchesGlob(each, input("pattern")));
const wanted = name ? [name] : all.filter(chosen);
const direct = name || ids.length === 1 || input("merge-multiple") === "true"; // as v5; v4 nests one that is asked for by id
for (const each of wanted) {
  const folder = direct ? into : join(into, each);
  mkdirSync(folder, { recursive: true });
  cpSync(join(kept, numbers[each], each), folder, { recursive: true });
  console.log(`Artifact ${each} downloaded to ${folder}`);
}
console.log(`Total of ${wanted.length} artifact(s) downloaded`);
setOutput("download-path", into);
