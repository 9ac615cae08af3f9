// What a member of staff can do through the front door; run by run.mjs. All people in it are made up.
import assert from "node:assert/strict";
import { test } from "node:test";

const base = process.env.SYSTEM_URL;
const at = (path) => new URL(path, base);

test("the system is well", async () => {
  const answer = await fetch(at("/api/health"));
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).status, "ok");
});

test("both services say the same kind of version", async () => {
  const backend = await (await fetch(at("/api/version"))).json();
  assert.match(backend.version, /\S/);
  const frontend = await fetch(at("/version"));
  assert.equal(frontend.status, 200);
});

test("nobody sees patients without signing in", async () => {
  const answer = await fetch(at("/api/patients"), { redirect: "manual" });
  assert.equal(answer.status, 401);
});

test("staff sign in and see their patients", async () => {
  const body = JSON.stringify({ username: "frontdesk01", password: "carelane-demo" });
  const headers = { "content-type": "application/json" };
  const signedIn = await fetch(at("/api/sessions"), { method: "POST", body, headers });
  assert.ok(signedIn.ok, `signing in answered ${signedIn.status}`);
  const { token } = await signedIn.json();
  const patients = await fetch(at("/api/patients?limit=5"), { headers: { authorization: `Bearer ${token}` } });
  assert.equal(patients.status, 200);
  assert.ok((await patients.json()) !== null);
});

test("the portal shows its sign-in page", async () => {
  const answer = await fetch(at("/"));
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /<form/);
});
