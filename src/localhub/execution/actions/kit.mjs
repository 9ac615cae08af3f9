// What the actions share: inputs and outputs as GitHub's runner passes them, globs, and the cache.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, globSync, lstatSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";

export const input = (name) => (process.env[`INPUT_${name.replace(/ /g, "_").toUpperCase()}`] ?? "").trim();
export const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

function command(file, name, value) {
  const end = `ghadelimiter_${createHash("sha256").update(value).digest("hex")}`;
  appendFileSync(process.env[file], `${name}<<${end}\n${value}\n${end}\n`);
}
export const setOutput = (name, value) => command("GITHUB_OUTPUT", name, value);
export const setEnv = (name, value) => command("GITHUB_ENV", name, value);
export const addPath = (path) => appendFileSync(process.env.GITHUB_PATH, `${path}\n`);

export function fail(words) {
  console.log(`::error::${words.replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A")}`);
  process.exit(1);
}

const workspace = () => process.env.GITHUB_WORKSPACE;
const home = (path) => path.replace(/^~(?=$|\/)/, process.env.HOME);
const absolute = (path) => (isAbsolute(home(path)) ? home(path) : resolve(workspace(), path));

function under(path, hidden) {
  if (!lstatSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => hidden || !name.startsWith("."))
    .flatMap((name) => under(join(path, name), hidden));
}

/** Files for patterns, one a line; a folder is all in it; a line with ! takes away. */
export function globbed(text, hidden = false) {
  const found = new Set();
  for (const line of lines(text)) {
    const matches = globSync(absolute(line.replace(/^!/, ""))).flatMap((path) => under(path, hidden));
    for (const path of matches) line.startsWith("!") ? found.delete(path) : found.add(path);
  }
  return [...found].sort();
}

/** Where an artifact's paths begin: the folder named, or what the files share. */
export function commonRoot(files, text) {
  const named = lines(text).filter((line) => !line.startsWith("!"));
  const only = named.length === 1 ? absolute(named[0]) : null;
  if (only && existsSync(only) && statSync(only).isDirectory()) return only;
  const parts = files.map((file) => dirname(file).split(sep));
  let shared = 0;
  while (parts.every((part) => part[shared] !== undefined && part[shared] === parts[0][shared])) shared += 1;
  return parts[0].slice(0, shared).join(sep) || sep;
}

export function digest(files) {
  const whole = createHash("sha256");
  for (const file of files) whole.update(createHash("sha256").update(readFileSync(file)).digest());
  return whole.digest("hex");
}

const versionOf = (paths) => createHash("sha256").update(paths.join("|")).digest("hex");

/** Brings back the newest entry under the key, else under a prefix; null where there is none. */
export function restore(key, prefixes, paths, lookupOnly = false) {
  const index = JSON.parse(readFileSync(`${process.env.LOCALHUB_ROOT}/caches/index.json`, "utf8")); // newest first
  const fitting = index.filter((entry) => entry.version === versionOf(paths));
  let hit = fitting.find((entry) => entry.key === key);
  for (const prefix of [key, ...prefixes]) hit ??= fitting.find((entry) => entry.key.startsWith(prefix));
  if (!hit) {
    console.log(`Cache not found for input keys: ${[key, ...prefixes].join(", ")}`);
    return null;
  }
  if (!lookupOnly) {
    appendFileSync(`${process.env.LOCALHUB_ROOT}/out/used`, `${hit.file}\n`);
    execFileSync("tar", ["-xPf", `${process.env.LOCALHUB_ROOT}/caches/${hit.file}`, "-C", workspace()], { stdio: "inherit" });
  }
  console.log(`Cache ${lookupOnly ? "found" : "restored"} from key: ${hit.key}`);
  return hit.key;
}

/** The inputs `key` and `path`, where they can be a cache's. */
export function checked() {
  const [key, paths] = [input("key"), lines(input("path"))];
  if (!key || key.length > 512 || key.includes(",")) fail(`key ${JSON.stringify(key)}: at most 512 characters, no commas`);
  if (!paths.length) fail("path is empty");
  return [key, paths];
}

/** Restores what the inputs of `actions/cache` and `actions/cache/restore` ask for, and says what was found. */
export function restoreAsked() {
  const [key, paths] = checked();
  const hit = restore(key, lines(input("restore-keys")), paths, input("lookup-only") === "true");
  setOutput("cache-primary-key", key);
  setOutput("cache-hit", hit ? String(hit === key) : "");
  if (hit) setOutput("cache-matched-key", hit);
  if (!hit && input("fail-on-cache-miss") === "true") fail(`no cache under ${key}`);
  return { key, paths, hit };
}

export function saveLater(key, paths) {
  appendFileSync(process.env.GITHUB_STATE, `save=${JSON.stringify({ key, paths })}\n`);
}

/** Saves what `saveLater` named. */
export function saveNow() {
  const state = process.env.STATE_save;
  if (!state) return console.log("Nothing to save");
  const { key, paths } = JSON.parse(state);
  save(key, paths);
}

/** Hands files to the server, which keeps them when the job has ended. */
export function save(key, paths) {
  // The workspace lies elsewhere in each job: what is in it is kept relative to it.
  const inside = (path) => (path.startsWith(workspace() + sep) ? relative(workspace(), path) : path);
  const there = paths.map(absolute).flatMap((path) => globSync(path)).filter(existsSync).map(inside);
  if (!there.length) return console.log(`::warning::none of the paths to cache exists: ${paths.join(", ")}`);
  const name = createHash("sha256").update(`${key}\n${versionOf(paths)}`).digest("hex");
  mkdirSync(`${process.env.LOCALHUB_ROOT}/out/caches`, { recursive: true });
  execFileSync("tar", ["-cPf", `${process.env.LOCALHUB_ROOT}/out/caches/${name}.tar`, "-C", workspace(), ...there], { stdio: "inherit" });
  writeFileSync(`${process.env.LOCALHUB_ROOT}/out/caches/${name}.json`, JSON.stringify({ key, version: versionOf(paths) }));
  console.log(`Cache saved with key: ${key}`);
}
