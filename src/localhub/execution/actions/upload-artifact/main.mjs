import { execFileSync } from "node:child_process";
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { commonRoot, fail, globbed, input, setOutput } from "./kit.mjs";

const name = input("name") || "artifact";
if (/["':<>|*?\r\n\\/]/.test(name) || name === "." || name === "..") {
  fail(`the artifact name ${JSON.stringify(name)} is not valid: no " : < > | * ? / \\ or line breaks`);
}
const DIGEST = "set -o pipefail; find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum -- | sha256sum";

/** The number that the server will give it: they are counted up in the order of the first uploads. */
function numberOf(name) {
  const list = `${process.env.LOCALHUB_ROOT}/out/uploaded`;
  const names = existsSync(list) ? readFileSync(list, "utf8").split("\n").slice(0, -1) : [];
  if (!names.includes(name)) {
    if (names.length === 500) fail("a job uploads at most 500 artifacts");
    appendFileSync(list, `${name}\n`);
    names.push(name);
  }
  return Number(process.env.LOCALHUB_FIRST_ARTIFACT_ID) + names.indexOf(name);
}

const hidden = input("include-hidden-files") === "true";
const files = globbed(input("path"), hidden).filter((file) => existsSync(file) && statSync(file).isFile());
if (!files.length) {
  const words = `No files were found with the provided path: ${input("path")}. No artifacts will be uploaded.`;
  const policy = input("if-no-files-found");
  if (policy === "error") fail(words);
  console.log(policy === "ignore" ? words : `::warning::${words}`);
} else {
  const target = join(`${process.env.LOCALHUB_ROOT}/out/artifacts`, name);
  if (existsSync(target)) {
    if (input("overwrite") !== "true") fail(`this job has uploaded an artifact ${name} already`);
    rmSync(target, { recursive: true });
  }
  if (input("overwrite") === "true") mkdirSync(`${process.env.LOCALHUB_ROOT}/out/overwrite/${name}`, { recursive: true });
  const root = commonRoot(files, input("path"));
  for (const file of files) {
    const into = join(target, relative(root, resolve(file)));
    mkdirSync(dirname(into), { recursive: true });
    copyFileSync(file, into); // a link is kept as what it leads to
  }
  console.log(`With the provided path, there will be ${files.length} file${files.length === 1 ? "" : "s"} uploaded`);
  const run = `${process.env.GITHUB_SERVER_URL}/${process.env.GITHUB_REPOSITORY}/actions/runs/${process.env.GITHUB_RUN_ID}`;
  const id = numberOf(name);
  setOutput("artifact-id", String(id));
  setOutput("artifact-url", `${run}/artifacts/${id}`);
  setOutput("artifact-digest", execFileSync("bash", ["-c", DIGEST], { cwd: target, encoding: "utf8" }).slice(0, 64));
  console.log(`Artifact ${name} (${id}) is kept when the job has ended`);
}
