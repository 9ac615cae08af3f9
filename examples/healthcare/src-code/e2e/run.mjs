// npm run test:e2e -- --env staging: the end-to-end tests against one environment's front door.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const known = JSON.parse(readFileSync(new URL("environments.json", import.meta.url), "utf8"));

function stop(words) {
  console.error(`test:e2e: ${words}\n  try: npm run test:e2e -- --env ${Object.keys(known)[0]} [--url http://…]`);
  process.exit(2);
}

let options;
try {
  options = parseArgs({ options: { env: { type: "string" }, url: { type: "string" } } }).values;
} catch (problem) {
  stop(problem.message);
}
const environment = options.env;
if (!environment) stop("--env is missing");
if (!(environment in known)) stop(`no environment ${environment}; known: ${Object.keys(known).join(", ")}`);
// Where an environment is not at its usual address: --url, or STAGING_URL and the like.
const url = options.url ?? process.env[`${environment.toUpperCase()}_URL`] ?? known[environment];
console.log(`${environment} at ${url}`);
const ran = spawnSync(process.execPath, ["--test", new URL("system.test.mjs", import.meta.url).pathname], {
  stdio: "inherit",
  env: { ...process.env, SYSTEM_URL: url },
});
process.exit(ran.status ?? 1);
