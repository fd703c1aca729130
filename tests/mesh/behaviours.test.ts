/** Versions that misbehave on purpose: each behaviour does what it says through real services, and all of it is labelled. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { PaymentAuthorized } from "@row/gen/grpc/shop/payments/v1/payments_events.ts";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { Behaviours, type InjectedVersion } from "@row/laptop/sidecars/behaviours.ts";
import { logFile } from "@row/laptop/state-dir.ts";
import { askMesh } from "@row/laptop/supervisor/control-client.ts";
import { seededRandom } from "@row/runtime/behaviour/seeded-random.ts";
import { afterAll, afterEach, beforeAll, test, vi } from "vitest";
import { EventStreams } from "../harness/events.ts";
import { adjustStock, newProduct, place, reaches, stockOf } from "../harness/ordering.ts";
import { portBase } from "../harness/ports.ts";
import { type Answer, expectOk } from "../harness/rest.ts";
import { type Session, TheShop } from "../harness/the-shop.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const stateDir = mkdtempSync(join(tmpdir(), "row-behaviours-"));
let seen: TheShop;
let shop: Shop;
let customer: Session;
let streams: EventStreams;

beforeAll(async () => {
  // Its own: what is wrong on purpose stays in the databases.
  shop = await startShop({ stateDir, portBase: await portBase(), isThrowaway: true });
  seen = await TheShop.at(shop.installation);
  customer = await seen.customer();
  streams = await EventStreams.connect({ shop: seen });
});

afterEach(async () => {
  for (const { service, version } of await injected()) {
    await askMesh(stateDir, "behave", { service, version, behaviours: [] });
  }
});

afterAll(async () => {
  await streams?.close();
  await shop?.destroy();
});

async function injected(): Promise<readonly InjectedVersion[]> {
  return (await askMesh(stateDir, "injected", {})).injected;
}

/** What the command prints; rejects with what it complains about. */
async function row(...words: string[]): Promise<string> {
  const env = { ...process.env, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(seen.installation.portBase) };
  const { stdout } = await run(process.execPath, [join(root, "cli/src/main.ts"), ...words], { env });
  return stdout;
}

/** Injects as `row behave` does, and waits until every instance has said so in its log. */
async function behave(service: string, version: string, ...behaviours: string[]): Promise<void> {
  await heard(service, version, () => askMesh(stateDir, "behave", { service, version, behaviours }));
}

/** Waits until every instance has said in its log that it has heard of what is injected. */
async function heard(service: string, version: string, inject: () => Promise<unknown>): Promise<void> {
  const instances = (await seen.status()).filter((one) => one.name === service && one.version === version);
  const said = () => instances.map(({ instance }) => countOf(logOf(instance), "misbehaves on purpose"));
  const before = said();
  await inject();
  await eventually(`${service} ${version} has heard of it`, async () =>
    said().every((count, index) => count > (before[index] ?? 0)),
  );
}

function logOf(instance: string): string {
  return readFileSync(logFile(stateDir, instance), "utf8");
}

function countOf(text: string, words: string): number {
  return text.split(words).length - 1;
}

const eventually = (what: string, holds: () => Promise<boolean>) =>
  vi.waitUntil(holds, { timeout: 20_000, interval: 50 }).catch(() => assert.fail(`Waited 20 s in vain: ${what}`));

/** The sum of what /metrics of a service's first instance says in these lines. */
async function figure(service: string, pattern: RegExp): Promise<number> {
  const text = await (await fetch(`http://${seen.address(service, "admin")}/metrics`)).text();
  const lines = text.split("\n").filter((line) => pattern.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

const injectedInto = ({ headers }: Answer) => headers.get("x-injected");
const product = (id: string) => seen.rest.get(`/v1/products/${id}`);
const isAvailable = async (id: string) => expectOk(await product(id)).product.available === true;

test("errors: a share of the calls to some methods gets the status, which answer, log and status call injected", async () => {
  const { id } = await newProduct(seen);
  await heard("catalog", "v1", () => row("behave", "catalog", "v1", "errors=100%:NOT_FOUND@GetProduct"));
  const failed = await product(id);
  assert.equal(failed.status, 404);
  assert.equal(injectedInto(failed), "catalog/v1:errors");
  assert.equal(injectedInto(await seen.rest.get("/v1/products")), null);
  const status = JSON.parse(await row("status", "--json"));
  assert.deepEqual(
    status.injected.map(({ service, version, behaviours }: InjectedVersion) => ({ service, version, behaviours })),
    [{ service: "catalog", version: "v1", behaviours: ["errors=100%:NOT_FOUND@GetProduct"] }],
  );
  assert.equal(status.state, "ready");
  assert.match(await row("behave", "--list"), /catalog v1: errors=100%:NOT_FOUND@GetProduct, until 2/);
  const call = await lastLine("catalog-v1-1", /"rpc":"[^"]*GetProduct".*"code":"NOT_FOUND"/);
  assert.deepEqual([call.injected, call.reason, call.version], [["catalog/v1:errors"], "INJECTED", "v1"]);
  await row("behave", "--clear", "catalog");
  await eventually("it is over", async () => (await product(id)).status === 200);
  assert.equal(injectedInto(await product(id)), null);
});

async function lastLine(instance: string, pattern: RegExp): Promise<Record<string, unknown>> {
  const lines = () => logOf(instance).split("\n");
  await eventually(`the log of ${instance} has ${pattern}`, async () => lines().some((line) => pattern.test(line)));
  return JSON.parse(lines().findLast((line) => pattern.test(line)) ?? "");
}

test("slow: every call is answered that much later", async () => {
  const { id } = await newProduct(seen);
  await behave("catalog", "v1", "slow=120ms@GetProduct");
  for (let call = 1; call <= 3; call += 1) {
    const startedAt = performance.now();
    assert.equal(injectedInto(await product(id)), "catalog/v1:slow");
    assert.ok(performance.now() - startedAt >= 120);
  }
  assert.match(await row("behave", "--clear"), /Nothing is injected/);
});

test("slow-tail: which calls are slow follows from the seed, and the others are as they were", async () => {
  const { id } = await newProduct(seen);
  const words = ["slow-tail=20%:100ms@GetProduct", "--seed", "a seed"];
  await heard("catalog", "v1", () => row("behave", "catalog", "v1", ...words));
  const random = seededRandom("a seed catalog/v1/catalog-v1-1");
  let slow = 0;
  for (let call = 1; call <= 40; call += 1) {
    const startedAt = performance.now();
    const label = injectedInto(await product(id));
    assert.equal(label, random() < 0.2 ? "catalog/v1:slow-tail" : null, `call ${call}`);
    if (label === null) continue;
    slow += 1;
    assert.ok(performance.now() - startedAt >= 100);
  }
  assert.ok(slow > 0);
});

test("an expiry ends it by itself", async () => {
  const { id } = await newProduct(seen);
  const words = ["errors=100%:NOT_FOUND@GetProduct", "--for", "8s"];
  await heard("catalog", "v1", () => row("behave", "catalog", "v1", ...words));
  assert.equal((await product(id)).status, 404);
  await eventually("it is over", async () => (await product(id)).status === 200);
  assert.match(await row("behave", "--list"), /Nothing is injected/);
});

test("what nobody could know, or is for another service, is refused before anything happens", async () => {
  const refused = (...words: string[]) =>
    row("behave", ...words).then(
      () => "",
      ({ stderr }: { stderr: string }) => stderr,
    );
  await Promise.all(
    [
      { words: ["catalog", "v1", "errors=120%"], why: /"120%" must be a share above 0% and up to 100%/ },
      { words: ["catalog", "v1", "erors"], why: /there is no "erors", there are good, errors, slow/ },
      { words: ["catalog", "v1", "slow=1s@PlaceOrder"], why: /catalog has no method PlaceOrder, it has .*GetProduct/ },
      {
        words: ["catalog", "v1", "business-bug=wrong-totals"],
        why: /catalog has no bug wrong-totals, its service.yaml names none/,
      },
      {
        words: ["orders", "v1", "business-bug=declines-cards"],
        why: /orders has no bug declines-cards, its service.yaml names wrong-totals/,
      },
      { words: ["catalog", "v9", "slow"], why: /v9 is not deployed: there are v1/ },
      { words: ["catalog", "v1", "slow", "--for", "soon"], why: /write 30s, 10m/ },
    ].map(async ({ words, why }) => assert.match(await refused(...words), why)),
  );
  assert.deepEqual(JSON.parse(await row("behave", "--list", "--json")), []);
});

test("a file that others may write is not followed", async () => {
  const { id } = await newProduct(seen);
  const file = new Behaviours(join(stateDir, "mesh/behaviours")).fileOf("catalog", "v1");
  await behave("catalog", "v1", "errors=100%:NOT_FOUND@GetProduct");
  assert.equal((await product(id)).status, 404);
  chmodSync(file, 0o666);
  await eventually("it is not believed any more", async () => (await product(id)).status === 200);
  await lastLine("catalog-v1-1", /the behaviour file cannot be used/);
});

test("retry-amplifier: one order asks the catalog several times", async () => {
  const { id } = await newProduct(seen);
  const asked = () => figure("catalog", /^rpc_server_call_duration_seconds_count\{.*BatchGetProducts/);
  const before = await asked();
  await behave("orders", "v1", "retry-amplifier=4");
  expectOk(await place(seen, customer, { productId: id }));
  await eventually("the catalog was asked four times", async () => (await asked()) === before + 4);
});

test("business-bug declines-cards: a good card is declined, and saga log and metrics say by which version", async () => {
  const { id: productId } = await newProduct(seen);
  const decided =
    /^orders_saga_attempts_total\{(?=.*step="authorize-payment")(?=.*outcome="refused")(?=.*decided_by="payments\/v1")/;
  const before = await figure("orders", decided);
  await behave("payments", "v1", "business-bug=declines-cards:100%");
  const { order } = expectOk(await place(seen, customer, { productId }));
  const ended = await reaches(seen, customer, order.id, "STATE_CANCELLED");
  assert.equal(ended.cancelReason, "CARD_DECLINED");
  const { rows } = await seen
    .database("orders")
    .query(
      "SELECT outcome, served_by FROM saga_attempts WHERE order_id = $1 AND step = 'authorize-payment' AND NOT undo",
      [order.id],
    );
  assert.deepEqual(rows, [{ outcome: "refused", served_by: "payments/v1/payments-v1-1" }]);
  assert.equal(await figure("orders", decided), before + 1);
  assert.equal(await figure("payments", /^behaviour_injected_total\{.*behaviour="business-bug"/), 1);
});

test("business-bug wrong-totals: the order costs more than its items, with an answer that says so", async () => {
  const { id: productId } = await newProduct(seen, { units: "5" });
  await behave("orders", "v1", "business-bug=wrong-totals:100%");
  const answer = await place(seen, customer, { productId });
  assert.equal(expectOk(answer).order.total.units, "6");
  assert.equal(injectedInto(answer), "orders/v1:business-bug:wrong-totals");
});

test("business-bug keeps-stock: goods of a cancelled order stay reserved", async () => {
  const { id: productId } = await newProduct(seen, { stock: 3 });
  await behave("inventory", "v1", "business-bug=keeps-stock:100%");
  const { order } = expectOk(await place(seen, customer, { productId, paymentToken: "tok_declined" }));
  await reaches(seen, customer, order.id, "STATE_CANCELLED");
  assert.deepEqual(await stockOf(seen, productId), { onHand: 2, reserved: 1, sold: 0 });
});

test("double-publish: one aggregate and sequence has two events, one with a wrong amount, both labelled", async () => {
  const { id: productId } = await newProduct(seen, { units: "5" });
  await behave("payments", "v1", "double-publish");
  const { order } = expectOk(await place(seen, customer, { productId }));
  await reaches(seen, customer, order.id, "STATE_CONFIRMED");
  const ofOrder = async () =>
    (await streams.all(PaymentAuthorized)).filter(({ message }) => message.orderId === order.id);
  await eventually("both are there", async () => (await ofOrder()).length === 2);
  const events = await ofOrder();
  assert.equal(new Set(events.map(({ id }) => id)).size, 2);
  assert.equal(new Set(events.map(({ aggregateId, sequence }) => `${aggregateId} ${sequence}`)).size, 1);
  assert.deepEqual(events.map(({ message }) => message.amount?.units).sort(), [5n, 6n]);
  assert.deepEqual(new Set(events.map(({ injected }) => injected)), new Set(["payments/v1:double-publish"]));
});

test("bad-event: consumers cannot decode it, and the dead letter says who wrote it and that it was injected", async () => {
  const { id } = await newProduct(seen, { stock: 1 });
  await eventually("it is available", () => isAvailable(id));
  await behave("inventory", "v1", "bad-event");
  await adjustStock(seen, id, -1);
  const undeliverable = () => figure("catalog", /^events_undeliverable_total\{.*producer="inventory\/v1"/);
  await eventually("it is undeliverable", async () => (await undeliverable()) === 1);
  const letters: unknown[] = [];
  await eventually("a dead letter is there", async () => {
    letters.push(...JSON.parse(await row("dlq", "list", "--json")));
    return letters.length > 0;
  });
  const text = JSON.stringify(letters);
  assert.match(text, /inventory\/v1\/inventory-v1-1/);
  assert.match(text, /inventory\/v1:bad-event/);
  assert.equal(await isAvailable(id), true, "nobody told the catalog");
  assert.equal(await undeliverable(), 1);
});

test("slow-start: a version deployed with it is ready later, and slow in its first calls", async () => {
  const { id } = await newProduct(seen);
  const printed = await row("deploy", "catalog", "--version", "v2", "--behaviour", "slow-start=2s:50ms:5");
  assert.match(printed, /Injected on purpose: slow-start=2s:50ms:5/);
  const [told, ready] = [
    await lastLine("catalog-v2-1", /misbehaves on purpose/),
    await lastLine("catalog-v2-1", /"ready"/),
  ];
  assert.ok(Date.parse(String(ready.time)) - Date.parse(String(told.time)) >= 2_000);
  await row("split", "catalog", "v1=0", "v2=100");
  const labels: (string | null)[] = [];
  for (let call = 1; call <= 7; call += 1) labels.push(injectedInto(await product(id)));
  const slow = "catalog/v2:slow-start";
  assert.deepEqual(labels, [slow, slow, slow, slow, slow, null, null]);
});

test("leak: a version's memory grows until its bound, and what is undeployed is injected no more", async () => {
  const pid = (await seen.status()).find(({ instance }) => instance === "catalog-v2-1")?.pid;
  const residentMegabytes = () =>
    Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_000;
  const before = residentMegabytes();
  await behave("catalog", "v2", "leak=1000MB:100MB");
  await eventually("it has grown", async () => residentMegabytes() > before + 80);
  await row("split", "catalog", "v1=100", "v2=0");
  await row("undeploy", "catalog", "--version", "v2");
  assert.deepEqual(JSON.parse(await row("behave", "--list", "--json")), []);
});
