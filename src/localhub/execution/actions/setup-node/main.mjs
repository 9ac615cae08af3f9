// The one Node this machine has; another version asked for is said, not refused.
import { digest, fail, globbed, input, restore, saveLater, setOutput } from "./kit.mjs";

const asked = input("node-version").replace(/^v/, "");
const has = process.versions.node;
if (asked && has !== asked && !has.startsWith(`${asked.replace(/\.x$/, "")}.`) && !/[a-z*]/.test(asked)) {
  console.log(`::warning title=actions/setup-node::Node ${asked} was asked for; this machine has ${has}, which is used`);
}
setOutput("node-version", `v${has}`);
console.log(`node: v${has}`);
if (input("cache") === "npm") {
  const files = globbed(input("cache-dependency-path") || "**/package-lock.json");
  if (!files.length) fail("no package-lock.json, so npm's cache has no key");
  const key = `node-cache-Linux-x64-npm-${digest(files)}`;
  const paths = [`${process.env.HOME}/.npm`];
  const hit = restore(key, [], paths);
  setOutput("cache-hit", String(hit === key));
  if (hit !== key) saveLater(key, paths);
}
