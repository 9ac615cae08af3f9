// An environment of the job's own from a Python that this machine has; pip's cache where it is asked for.
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { addPath, digest, fail, globbed, input, restore, saveLater, setEnv, setOutput } from "./kit.mjs";

const candidates = [`${process.env.LOCALHUB_PYTHON}/bin/python3`, "/usr/local/bin/python3", "/usr/bin/python3"];

function version(python) {
  try {
    return execFileSync(python, ["-c", "import venv, platform; print(platform.python_version())"], {
      stdio: ["ignore", "pipe", "ignore"],
    }).toString().trim();
  } catch {
    return null;
  }
}

function wanted() {
  const file = input("python-version-file");
  return input("python-version") || (file && existsSync(file) ? readFileSync(file, "utf8").trim() : "");
}

/** pip from the wheel that Python brings: laid out, not installed by itself, which would take seconds. */
function withPip() {
  const ask = "import ensurepip, os, sysconfig; print(os.path.dirname(ensurepip.__file__)); print(sysconfig.get_path('purelib'))";
  const [bundled, site] = execFileSync(`${home}/bin/python`, ["-c", ask]).toString().trim().split("\n");
  const wheels = globSync(`${bundled}/_bundled/pip-*.whl`).concat(globSync("/usr/share/python-wheels/pip-*.whl"));
  if (!wheels.length) fail(`Python ${chosen[1]} brings no pip`);
  execFileSync(`${home}/bin/python`, ["-m", "zipfile", "-e", wheels[0], site]);
  const script = `#!${home}/bin/python\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n`;
  for (const name of ["pip", "pip3"]) writeFileSync(`${home}/bin/${name}`, script, { mode: 0o755 });
}

const asked = wanted().split("\n").map((line) => line.trim()).filter(Boolean)[0] ?? "";
const prefix = asked.replace(/\.x$/, "").replace(/^[~^=>]+/, "");
const found = candidates.filter(existsSync).map((path) => [path, version(path)]).filter(([, has]) => has);
const chosen = found.find(([, has]) => !prefix || has === prefix || has.startsWith(`${prefix}.`));
if (!chosen) {
  fail(`Python ${asked} is not on this machine; it has ${found.map(([, has]) => has).join(", ") || "none"}`);
}
// At one place in every job, as on GitHub: what is cached of it fits the next one.
const home = `${process.env.HOME}/hostedtoolcache/Python/${chosen[1]}/x64`;
execFileSync(chosen[0], ["-m", "venv", "--without-pip", home], { stdio: "inherit" });
withPip();
addPath(`${home}/bin`);
setEnv("pythonLocation", home);
setEnv("VIRTUAL_ENV", home);
setOutput("python-version", chosen[1]);
setOutput("python-path", `${home}/bin/python`);
console.log(`Successfully set up CPython (${chosen[1]})`);
if (input("cache") === "pip") {
  const files = globbed(input("cache-dependency-path") || "**/requirements.txt\n**/pyproject.toml");
  if (!files.length) fail("no file matches cache-dependency-path, so pip's cache has no key");
  const key = `setup-python-Linux-x64-python-${chosen[1]}-pip-${digest(files)}`;
  const paths = [`${process.env.HOME}/.cache/pip`];
  const hit = restore(key, [], paths);
  setOutput("cache-hit", String(hit === key));
  if (hit !== key) saveLater(key, paths);
}
