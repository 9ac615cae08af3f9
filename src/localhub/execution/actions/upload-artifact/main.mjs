import { copyFileSync, existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { commonRoot, fail, globbed, input } from "./kit.mjs";

const name = input("name") || "artifact";
if (/["':<>|*?\r\n\\/]/.test(name) || name === "." || name === "..") {
  fail(`the artifact name ${JSON.stringify(name)} is not valid: no " : < > | * ? / \\ or line breaks`);
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
  console.log(`Artifact ${name} is kept when the job has ended`);
}
