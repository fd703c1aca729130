import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@row/tests/harness/ports.ts";
import { afterAll, afterEach, beforeEach, test } from "vitest";
import { GatewayProcess } from "./gateway-process.ts";

const port = await freePort();
let gateway: GatewayProcess;
const folders: string[] = [];

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), "card-gateway-"));
  folders.push(folder);
  gateway = new GatewayProcess(port, folder, 1_000);
  assert.equal(await gateway.start(), "ready", gateway.stderr);
});
afterEach(() => gateway.stop("SIGKILL"));
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

const order = (reference: string, token = "tok_ok", amountMinor = "1250") => ({
  reference,
  amountMinor,
  currency: "EUR",
  token,
});
const authorize = (reference: string, token = "tok_ok") =>
  gateway.post("/v1/authorizations", `${reference}:authorize`, order(reference, token));
const step = (reference: string, name: "capture" | "void" | "refund") =>
  gateway.post(`/v1/authorizations/${reference}/${name}`, `${reference}:${name}`);

test("authorizes, captures and refunds, and a look tells the same", async () => {
  const authorized = await authorize("o-1");
  assert.equal(authorized.status, 200);
  assert.equal(authorized.body.status, "authorized");
  assert.equal((await step("o-1", "capture")).body.status, "captured");
  assert.equal((await step("o-1", "refund")).body.status, "refunded");
  assert.deepEqual(await gateway.get("/v1/authorizations/o-1"), {
    status: 200,
    body: { reference: "o-1", id: authorized.body.id, status: "refunded", amountMinor: "1250", currency: "EUR" },
  });
});

test("a repeat gets the first answer, and the log shows one request", async () => {
  const first = await authorize("o-1");
  await step("o-1", "capture");
  assert.deepEqual(await authorize("o-1"), first);
  assert.equal((await gateway.log()).filter((entry) => entry.action === "authorize").length, 1);
});

test("repeats that arrive together act once", async () => {
  const replies = await Promise.all(Array.from({ length: 20 }, () => authorize("o-1")));
  assert.equal(new Set(replies.map((reply) => reply.body.id)).size, 1);
  assert.equal((await gateway.log()).length, 1);
});

test("the same key with another body is refused", async () => {
  await authorize("o-1");
  const reply = await gateway.post("/v1/authorizations", "o-1:authorize", order("o-1", "tok_ok", "9999"));
  assert.equal(reply.status, 409);
  assert.equal(reply.body.error?.code, "key_reused");
  assert.equal((await gateway.get("/v1/authorizations/o-1")).body.amountMinor, "1250");
});

test("a refusal is final and is repeated", async () => {
  await authorize("o-1");
  await step("o-1", "void");
  const refused = await step("o-1", "capture");
  assert.equal(refused.status, 409);
  assert.equal(refused.body.status, "voided");
  assert.deepEqual(await step("o-1", "capture"), refused);
});

test("a void after the capture is refused", async () => {
  await authorize("o-1");
  await step("o-1", "capture");
  const refused = await step("o-1", "void");
  assert.equal(refused.status, 409);
  assert.equal(refused.body.status, "captured");
});

test("a void of an order never seen refuses the authorization that arrives late", async () => {
  assert.equal((await step("o-1", "void")).body.status, "voided");
  const late = await authorize("o-1");
  assert.equal(late.status, 409);
  assert.equal(late.body.status, "voided");
});

test("declines say why", async () => {
  for (const [token, code] of Object.entries({
    tok_declined: "card_declined",
    tok_insufficient_funds: "insufficient_funds",
    "no token \u{1f4b3}": "invalid_token",
  })) {
    const { status, body } = await authorize(`o-${code}`, token);
    assert.deepEqual([status, body.status, body.declineCode], [200, "declined", code]);
  }
});

test("tok_timeout has acted long before it answers, and a repeat is prompt", async () => {
  const started = performance.now();
  const first = authorize("o-1", "tok_timeout");
  while ((await gateway.get("/v1/authorizations/o-1")).status === 404) await new Promise(setImmediate);
  const repeat = await authorize("o-1", "tok_timeout");
  const repeatMs = performance.now() - started;
  assert.equal(repeat.body.status, "authorized");
  assert.ok(repeatMs < 900, `the repeat took ${repeatMs} ms`);
  assert.deepEqual(await first, repeat);
  assert.ok(performance.now() - started >= 990);
});

test("tok_flaky fails twice without a trace, then works", async () => {
  assert.equal((await authorize("o-1", "tok_flaky")).status, 503);
  assert.equal((await authorize("o-1", "tok_flaky")).status, 503);
  assert.deepEqual(await gateway.log(), []);
  assert.equal((await authorize("o-1", "tok_flaky")).body.status, "authorized");
});

test("what is malformed is refused by the name of the field, and leaves no trace", async () => {
  const malformed: [string, string | undefined, string, string][] = [
    ["/v1/authorizations", undefined, JSON.stringify(order("o-1")), "Idempotency-Key"],
    ["/v1/authorizations", "k", "{", "body"],
    ["/v1/authorizations", "k", "[]", "body"],
    ["/v1/authorizations", "k", "", "body"],
    ["/v1/authorizations", "k", " ".repeat(20_000), "body"],
    ["/v1/authorizations", "k", JSON.stringify({ ...order("o-1"), tip: "5" }), "tip"],
    ["/v1/authorizations", "k", JSON.stringify({ ...order("o-1"), amountMinor: 1250 }), "amountMinor"],
    ["/v1/authorizations", "k", JSON.stringify({ ...order("o-1"), amountMinor: "-1" }), "amountMinor"],
    ["/v1/authorizations", "k", JSON.stringify({ ...order("o-1"), currency: "eur" }), "currency"],
    ["/v1/authorizations", "k", JSON.stringify({ ...order("o-1"), token: "" }), "token"],
    ["/v1/authorizations", "k", JSON.stringify(order("o 1")), "reference"],
    ["/v1/authorizations/o%201/capture", "k", "", "reference"],
    ["/v1/authorizations/o-1/capture", "k", '{"amountMinor":"5"}', "amountMinor"],
  ];
  for (const [path, key, body, field] of malformed) {
    const reply = await gateway.send("POST", path, key, body);
    assert.equal(reply.status, 400, `${path} ${body.slice(0, 80)}`);
    assert.equal(reply.body.error?.field, field);
  }
  assert.equal((await gateway.post("/v1/authorisations", "k", order("o-1"))).status, 404);
  assert.deepEqual(await gateway.log(), []);
});

test("everything answered survives kill -9 under load", async () => {
  const answered: string[] = [];
  const enough = Promise.withResolvers<void>();
  const load = Array.from({ length: 40 }, async (_, worker) => {
    for (let turn = 0; ; turn += 1) {
      const reference = `o-${worker}-${turn}`;
      if ((await authorize(reference)).status === 200) answered.push(reference);
      if ((await step(reference, "capture")).status === 200) answered.push(`${reference}:captured`);
      if (answered.length > 100) enough.resolve();
    }
  });
  const stopped = Promise.allSettled(load);
  await enough.promise;
  await gateway.stop("SIGKILL");
  await stopped;

  assert.equal(await gateway.start(), "ready", gateway.stderr);
  const applied = new Set(
    (await gateway.log())
      .filter((entry) => entry.outcome === "applied")
      .map((entry) => (entry.action === "capture" ? `${entry.reference}:captured` : entry.reference)),
  );
  assert.deepEqual(
    answered.filter((what) => !applied.has(what)),
    [],
  );
});

test("keys, charges and tombstones are there again after kill -9", async () => {
  const first = await authorize("o-1");
  await step("o-2", "void");
  await gateway.stop("SIGKILL");
  assert.equal(await gateway.start(), "ready", gateway.stderr);
  assert.deepEqual(await authorize("o-1"), first);
  assert.equal((await authorize("o-2")).status, 409);
  assert.deepEqual(
    (await gateway.log()).map((entry) => entry.sequence),
    [1, 2, 3],
  );
});

test("a torn last line is cut, and the log goes on behind it", async () => {
  await authorize("o-1");
  await gateway.stop("SIGKILL");
  await appendFile(gateway.logPath, '{"sequence":2,"time":"2026-');
  assert.equal(await gateway.start(), "ready", gateway.stderr);
  await authorize("o-2");
  assert.deepEqual(
    (await gateway.log()).map((entry) => [entry.sequence, entry.reference]),
    [
      [1, "o-1"],
      [2, "o-2"],
    ],
  );
});

test("a damaged line inside the log stops the start with one clear line", async () => {
  await authorize("o-1");
  await gateway.stop("SIGKILL");
  await appendFile(gateway.logPath, "garbage\n{}\n");
  const before = await readFile(gateway.logPath);
  assert.equal(await gateway.start(), 1);
  assert.match(gateway.stderr, /line 2 is damaged/);
  assert.equal(gateway.stderr.trim().split("\n").length, 1);
  assert.deepEqual(await readFile(gateway.logPath), before);
});

test("SIGTERM answers what is under way and ends with 0", async () => {
  const late = authorize("o-1", "tok_timeout");
  while ((await gateway.get("/v1/authorizations/o-1")).status === 404) await new Promise(setImmediate);
  const started = performance.now();
  assert.equal(await gateway.stop("SIGTERM"), 0);
  assert.ok(performance.now() - started < 800, "it waited for idle connections or for the late answer");
  assert.equal((await late).body.status, "authorized");
});

test("a second gateway on the same port leaves the log alone and says why", async () => {
  await authorize("o-1");
  const second = new GatewayProcess(port, gateway.dataDir);
  assert.equal(await second.start(), 1);
  assert.match(second.stderr, /EADDRINUSE/);
  assert.equal((await authorize("o-2")).status, 200);
});
