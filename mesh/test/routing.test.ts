import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, test } from "vitest";
import type { Workload } from "../src/haproxy/workload.ts";
import { resources, route, server, services, to } from "./manifests.ts";
import { SidecarLab } from "./sidecar-lab.ts";
import { type App, ask, outboundOf, serve, watch } from "./tiny-app.ts";

const CATALOG = "shop.catalog.v1.CatalogService";
const GET = `/${CATALOG}/GetProduct`;
const LIST = `/${CATALOG}/ListProducts`;
const HEALTH = "/grpc.health.v1.Health/Check";

let lab: SidecarLab;
let cart: Workload;
let v1: App;
let v2: App;

beforeAll(async () => {
  lab = await SidecarLab.open();
  const first = await lab.add({ service: "catalog" });
  const second = await lab.add({ service: "catalog", version: "v2" });
  cart = await lab.add({ service: "cart", calls: ["catalog"] });
  v1 = await serve(lab, first, [GET, LIST, HEALTH]);
  v2 = await serve(lab, second, [GET, LIST, HEALTH]);
  await lab.up(withRoutes());
});

afterAll(() => lab.close());

function withRoutes(...routes: readonly string[]) {
  return resources(services("catalog", "v1", "v2", "v3"), services("cart"), server("catalog"), ...routes);
}

/** Only the caller's sidecar obeys routes. */
async function reroute(...routes: readonly string[]): Promise<Client> {
  lab.resources = withRoutes(...routes);
  await lab.reloadOne(cart);
  return outboundOf(lab, cart, "catalog");
}

/** Who answers each of several calls, as "catalog-v1-1 catalog-v2-1 …" without repeats; or the code. */
async function whoAnswers(
  client: Client,
  path: string,
  headers: Record<string, string> = {},
  times = 20,
): Promise<string> {
  const answers = await Promise.all(Array.from({ length: times }, () => ask(client, path, headers)));
  return [...new Set(answers.map(({ by, code }) => by || status[code]))].sort().join(" ");
}

const BY_HEADER = (value: string, type = "Exact") =>
  `{ matches: [{ method: { service: ${CATALOG} }, headers: [{ type: ${type}, name: X-Canary, value: ${JSON.stringify(value)} }] }], ${to("catalog-v2")} }`;

test("a Service without routes is served by all its versions", async () => {
  const client = await reroute();
  assert.equal(await whoAnswers(client, GET), "catalog-v1-1 catalog-v2-1");
});

test("a rule without backendRefs sends its calls to the Service that the route hangs on, as Linkerd does", async () => {
  const client = await reroute(
    route("catalog", "catalog", [
      `{ matches: [{ method: { service: ${CATALOG}, method: GetProduct } }] }`,
      `{ ${to("catalog-v1")} }`,
    ]),
  );
  assert.equal(await whoAnswers(client, GET), "catalog-v1-1 catalog-v2-1");
  assert.equal(await whoAnswers(client, LIST), "catalog-v1-1");
});

test("a lone backendRef gets all calls of its rule whatever its weight, 0 included, as in Linkerd", async () => {
  const client = await reroute(route("catalog", "catalog", [`{ ${to("catalog-v2=0")} }`]));
  assert.equal(await whoAnswers(client, GET), "catalog-v2-1");
});

test("metadata far above what services take passes sidecars whole, beside an open stream: refusing it is for the app", async () => {
  const client = await reroute();
  const messages: string[] = [];
  const stream = watch(client, (message) => messages.push(message));
  for (let tries = 0; tries < 100 && messages.length === 0; tries++) await sleep(20);
  const long = "a".repeat(20_000);
  assert.equal((await ask(client, GET, { "x-long": long })).seen["x-long"], long);
  const keys = Object.fromEntries(Array.from({ length: 112 }, (_, index) => [`x-key-${index}`, "v"]));
  assert.equal((await ask(client, GET, keys)).seen["x-key-111"], "v");
  assert.equal((await ask(client, GET)).code, status.OK);
  assert.deepEqual([messages.length, stream.code], [1, undefined], "the stream is open");
  stream.cancel();
});

test("tracestate reaches the callee as it was sent, beside traceparent (W3C Trace Context, section 3.3)", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";
  const { seen } = await ask(await reroute(), GET, { traceparent, tracestate: "foo=1,bar=t61rcWkgMzE" });
  assert.deepEqual([seen.traceparent, seen.tracestate], [traceparent, "foo=1,bar=t61rcWkgMzE"]);
  const isLogged = () =>
    ["O|", "I|"].every((kind) => lab.lines.some((line) => line.startsWith(kind) && line.includes(traceparent)));
  for (const until = Date.now() + 5_000; !isLogged() && Date.now() < until; ) await sleep(10);
  assert.ok(isLogged(), "both sidecars tell of a call whose flags have bit 0 set");
});

test("all marked requests go to v2, and no others", async () => {
  const client = await reroute(route("catalog", "catalog", [BY_HEADER("yes, please"), `{ ${to("catalog-v1")} }`]));
  const before = { v1: v1.calls(), v2: v2.calls() };
  assert.equal(await whoAnswers(client, GET, { "x-canary": "yes, please" }, 200), "catalog-v2-1");
  for (const value of ["yes", "please", "yes, please ", "YES, PLEASE", "no, yes, please"]) {
    assert.equal(
      await whoAnswers(client, GET, { "x-canary": value.trimEnd() }),
      value.endsWith(" ") ? "catalog-v2-1" : "catalog-v1-1",
    );
  }
  assert.equal(await whoAnswers(client, GET, {}, 200), "catalog-v1-1");
  assert.equal(v2.calls() - before.v2, 220);
  assert.equal(v1.calls() - before.v1, 280);
});

test("a regular expression must fit the whole value", async () => {
  const client = await reroute(
    route("catalog", "catalog", [BY_HEADER("v[0-9]|it's", "RegularExpression"), `{ ${to("catalog-v1")} }`]),
  );
  for (const value of ["v7", "it's"])
    assert.equal(await whoAnswers(client, GET, { "x-canary": value }), "catalog-v2-1");
  for (const value of ["v77", "av7", "v", "its"]) {
    assert.equal(await whoAnswers(client, GET, { "x-canary": value }), "catalog-v1-1", value);
  }
});

test("values that mean something to HAProxy are only values", async () => {
  for (const value of ["-i", "a b", "%[src]", "$HOME", "it's", '"', "{ } #", "a\\b", "%%"]) {
    const set = `filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-told, value: ${JSON.stringify(value)} }] } }]`;
    const rule = BY_HEADER(value).replace("backendRefs", `${set}, backendRefs`);
    const client = await reroute(route("catalog", "catalog", [rule, `{ ${to("catalog-v1")} }`]));
    const answer = await ask(client, GET, { "x-canary": value });
    assert.equal(answer.by, "catalog-v2-1", value);
    assert.equal(answer.seen["x-told"], value);
    assert.equal((await ask(client, GET, { "x-canary": `${value}!` })).by, "catalog-v1-1", value);
  }
});

test("a method before its service, a service before the catch-all", async () => {
  const method = `{ matches: [{ method: { service: ${CATALOG}, method: GetProduct } }], ${to("catalog-v2")} }`;
  const all = `{ ${to("catalog-v3")} }`;
  const service = `{ matches: [{ method: { service: ${CATALOG} } }], ${to("catalog-v1")} }`;
  const client = await reroute(
    route("a", "catalog", [all]),
    route("b", "catalog", [service]),
    route("c", "catalog", [method]),
  );
  assert.equal(await whoAnswers(client, GET), "catalog-v2-1");
  assert.equal(await whoAnswers(client, LIST), "catalog-v1-1");
  assert.equal(await whoAnswers(client, HEALTH), "UNAVAILABLE");
});

test("a method's name alone matches it in every service", async () => {
  const named = `{ matches: [{ method: { method: Check } }], ${to("catalog-v2")} }`;
  const client = await reroute(route("catalog", "catalog", [named, `{ ${to("catalog-v1")} }`]));
  assert.equal(await whoAnswers(client, HEALTH), "catalog-v2-1");
  assert.equal(await whoAnswers(client, GET), "catalog-v1-1");
});

test("what no route matches is NOT_FOUND", async () => {
  const only = `{ matches: [{ method: { service: ${CATALOG}, method: GetProduct } }], ${to("catalog-v1")} }`;
  const client = await reroute(route("catalog", "catalog", [only]));
  assert.equal(await whoAnswers(client, GET), "catalog-v1-1");
  assert.equal(await whoAnswers(client, LIST), "NOT_FOUND");
});

test("headers are set, added and removed", async () => {
  const change = `{ type: RequestHeaderModifier, requestHeaderModifier: {
    set: [{ name: x-set, value: new }], add: [{ name: x-add, value: more }], remove: [x-remove] } }`;
  const client = await reroute(route("catalog", "catalog", [`{ filters: [${change}], ${to("catalog-v1")} }`]));
  const { seen } = await ask(client, GET, { "x-set": "old", "x-add": "some", "x-remove": "me" });
  assert.equal(seen["x-set"], "new");
  assert.equal(seen["x-add"], "some, more");
  assert.equal(seen["x-remove"], undefined);
});

test("a route without one matching backend that is ready is UNAVAILABLE, and says so", async () => {
  const client = await reroute(route("catalog", "catalog", [`{ ${to("catalog-v3")} }`]));
  const answer = await ask(client, GET);
  assert.equal(answer.code, status.UNAVAILABLE);
  assert.match(answer.details, /no endpoint/);
});
