// GitHub's own packages behind a pipe: one JSON line asks, one answers. Started by oracle.py.
import { registerHooks } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const root = process.argv[2];

// workflow-parser imports its schema without saying that it is JSON.
registerHooks({
  load: (url, context, next) =>
    url.endsWith(".json") ? next(url, { ...context, importAttributes: { type: "json" } }) : next(url, context),
  resolve: (name, context, next) =>
    name.endsWith(".json") ? next(name, { ...context, importAttributes: { type: "json" } }) : next(name, context),
});

const load = (path) => import(pathToFileURL(`${root}/node_modules/@actions/${path}`).href);
const { Lexer, Parser, Evaluator, data } = await load("expressions/dist/index.js");
const workflows = await load("workflow-parser/dist/index.js");

// What a run would give: the same stand-ins as in oracle.py.
const functions = [
  ["success", 0, 255, () => new data.BooleanData(true)],
  ["failure", 0, 255, () => new data.BooleanData(false)],
  ["cancelled", 0, 0, () => new data.BooleanData(false)],
  ["always", 0, 0, () => new data.BooleanData(true)],
  ["hashFiles", 1, 255, (...given) => new data.StringData(given.map((x) => x.coerceString()).join("|"))],
].map(([name, minArgs, maxArgs, call]) => ({ name, description: "", minArgs, maxArgs, call }));
const byName = new Map(functions.map((each) => [each.name.toLowerCase(), each]));

function given(value) {
  if (value === null) return new data.Null();
  if (typeof value === "boolean") return new data.BooleanData(value);
  if (typeof value === "number") return new data.NumberData(value);
  if (typeof value === "string") return new data.StringData(value);
  if (Array.isArray(value)) return new data.Array(...value.map(given));
  return new data.Dictionary(...Object.entries(value).map(([key, inner]) => ({ key, value: given(inner) })));
}

function told(value) {
  switch (value.kind) {
    case data.Kind.Null:
      return null;
    case data.Kind.Number:
      return Number.isFinite(value.value) ? value.value : { number: String(value.value) };
    case data.Kind.Array:
      return value.values().map(told);
    case data.Kind.Dictionary:
      return { object: value.pairs().map((pair) => [pair.key, told(pair.value)]) };
    default:
      return value.value;
  }
}

function expression({ source, contexts }) {
  const tokens = new Lexer(source).lex().tokens;
  const tree = new Parser(tokens, Object.keys(contexts), functions).parse();
  const value = new Evaluator(tree, given(contexts), byName).evaluate();
  return { value: told(value), text: value.coerceString() };
}

const shown = (token) => (token === undefined ? null : token.isExpression ? token.expression : token.toString());

async function workflow({ content, name }) {
  const trace = new workflows.NoOperationTraceWriter();
  const { context, value } = workflows.parseWorkflow({ name, content }, trace);
  const found = value === undefined ? {} : await workflows.convertWorkflowTemplate(context, value);
  return {
    errors: context.errors.getErrors().map((error) => error.rawMessage ?? error.message),
    lines: context.errors.getErrors().map((error) => error.range?.start.line ?? null),
    events: found.events,
    env: Object.fromEntries([...(found.env ?? [])].map((pair) => [pair.key.toString(), shown(pair.value)])),
    jobs: (found.jobs ?? []).map((job) => ({
      id: job.id.toString(),
      needs: (job.needs ?? []).map(String),
      if: job.if.expression,
      uses: shown(job.ref),
      steps: (job.steps ?? []).map((step) => ({
        if: step.if?.expression,
        run: shown(step.run),
        uses: shown(step.uses),
      })),
    })),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { kind, ...asked } = JSON.parse(line);
  let answer;
  try {
    answer = kind === "workflow" ? await workflow(asked) : expression(asked);
  } catch (error) {
    answer = { refused: `${error.constructor.name}: ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
