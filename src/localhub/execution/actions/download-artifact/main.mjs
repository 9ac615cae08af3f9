import { cpSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join, matchesGlob, resolve } from "node:path";
import { fail, input, setOutput } from "./kit.mjs";

const kept = `${process.env.LOCALHUB_ROOT}/artifacts`;
const all = existsSync(kept) ? readdirSync(kept) : [];
const into = resolve(process.env.GITHUB_WORKSPACE, input("path").replace(/^~/, process.env.HOME) || ".");
const name = input("name");
if (name && !all.includes(name)) fail(`Unable to download artifact(s): Artifact not found for name: ${name}`);
const wanted = name ? [name] : all.filter((each) => !input("pattern") || matchesGlob(each, input("pattern")));
for (const each of wanted) {
  const folder = name || input("merge-multiple") === "true" ? into : join(into, each);
  mkdirSync(folder, { recursive: true });
  cpSync(join(kept, each), folder, { recursive: true });
  console.log(`Artifact ${each} downloaded to ${folder}`);
}
console.log(`Total of ${wanted.length} artifact(s) downloaded`);
setOutput("download-path", into);
