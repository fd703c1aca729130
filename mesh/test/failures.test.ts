import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, test } from "vitest";
import type { Workload } from "../src/haproxy/workload.ts";
import { resources, route, server, services, to } from "./manifests.ts";
import { SidecarLab } from "./sidecar-lab.ts";
import { type App, ask, outboundOf, serve, watch } from "./tiny-app.ts";

const CATALOG = "shop.catalog.v1.CatalogService";
const GET = `/${CATALOG}/GetProduct`;
const CREATE = `/${CATALOG}/CreateProduct`;

let lab: SidecarLab;
let cart: Workload;
let first: Workload;
let second: Workload;
let client: Client;
let apps: App[];

beforeAll(async () => {
  lab = await SidecarLab.open();
  first = await lab.add({ service: "catalog" });
  second = await lab.add({ service: "catalog", instance: "catalog-v1-2" });
  cart = await lab.add({ service: "cart", calls: ["catalog"] });
  apps = [await serve(lab, first, [GET, CREATE]), await serve(lab, second, [GET, CREATE])];
  const method = (name: string) =>
    `{ matches: [{ method: { service: ${CATALOG}, method: ${name} } }], ${to("catalog-v1")} }`;
  const timeout = { "timeout.linkerd.io/request": "300ms" };
  await lab.up(
    resources(
      services("catalog", "v1"),
      services("cart"),
      server("catalog"),
      route("retried", "catalog", [method("GetProduct")], {
        ...timeout,
        "retry.linkerd.io/grpc": "unavailable",
        "retry.linkerd.io/limit": "2",
      }),
      route("once", "catalog", [method("CreateProduct")], timeout),
      route("other", "catalog", [`{ ${to("catalog-v1")} }`]),
    ),
  );
  client = outboundOf(lab, cart, "catalog");
});

afterAll(() => lab.close());

/** Lines come over UDP, a moment after the answer. */
async function linesSoFar(): Promise<number> {
  await sleep(100);
  return lab.lines.length;
}

/** Request lines of the caller since `from`, as fields. */
async function outboundLines(from: number): Promise<string[][]> {
  await sleep(100);
  return lab.lines
    .slice(from)
    .filter((line) => line.startsWith("O|cart"))
    .map((line) => line.split("|"));
}

test("calls are spread over the endpoints, by how busy they are", async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask(client, GET, { "x-wait-ms": "50" })));
  const byFirst = answers.filter(({ by }) => by === "catalog-v1-1").length;
  assert.ok(byFirst >= 15 && byFirst <= 25, `${byFirst} of 40`);
});

test("a call beyond its route's timeout is DEADLINE_EXCEEDED, at that time", async () => {
  const from = await linesSoFar();
  const began = performance.now();
  const { code, details } = await ask(client, CREATE, { "x-wait-ms": "2000" });
  const took = performance.now() - began;
  assert.equal(code, status.DEADLINE_EXCEEDED);
  assert.match(details, /the route's time is up/);
  assert.ok(took >= 290 && took < 1_500, `${took} ms`);
  const [line] = await outboundLines(from);
  assert.equal(line?.[5], "4");
});

test("a stream that says nothing is not cut", async () => {
  const messages: string[] = [];
  const stream = watch(client, (message) => messages.push(message));
  await sleep(1_000);
  assert.equal(stream.code, undefined);
  assert.equal(messages.length, 1);
  stream.cancel();
});

test("an answer with a failing status is the app's, and is passed on", async () => {
  for (const app of apps) app.fail(status.UNAVAILABLE);
  const before = apps.map(({ calls }) => calls());
  const { code, details } = await ask(client, GET);
  assert.equal(code, status.UNAVAILABLE);
  assert.equal(details, "failing as told");
  const made = apps.reduce((sum, { calls }, index) => sum + calls() - (before[index] ?? 0), 0);
  assert.equal(made, 1, "HAProxy does not retry a grpc-status");
  for (const app of apps) app.fail(status.OK);
});

test("the client's own retry policy counts the same tries, and no more", async () => {
  const config = readFileSync(`${cart.sidecar.folder}/service-config.json`, "utf8");
  const retrying = outboundOf(lab, cart, "catalog", { "grpc.service_config": config });
  const count = () => apps.reduce((sum, { calls }) => sum + calls(), 0);
  for (const app of apps) app.fail(status.UNAVAILABLE);
  const before = count();
  assert.equal((await ask(retrying, GET)).code, status.UNAVAILABLE);
  assert.equal(count() - before, 3, "the limit of 2 and the first try");
  assert.equal((await ask(retrying, CREATE)).code, status.UNAVAILABLE);
  assert.equal(count() - before, 4, "a route without retries has none");
  for (const app of apps) app.fail(status.OK);
});

test("an endpoint that is gone is retried elsewhere, where the route allows it", async () => {
  await lab.kill(second);
  await lab.reloadOne(cart); // without connections from before
  const from = await linesSoFar();
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(client, GET)));
  assert.deepEqual(new Set(answers.map(({ by }) => by)), new Set(["catalog-v1-1"]));
  const lines = await outboundLines(from);
  assert.ok(
    lines.some((line) => Number(line[7]) > 0),
    "no call was retried",
  );
  assert.ok(
    lines.every((line) => Number(line[7]) <= 2),
    "more than the limit",
  );
});

test("a call that may not be retried fails, as UNAVAILABLE, without being served", async () => {
  const from = await linesSoFar();
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(client, CREATE)));
  const codes = new Set(answers.map(({ code }) => code));
  assert.deepEqual(codes, new Set([status.OK, status.UNAVAILABLE]));
  assert.ok((await outboundLines(from)).every((line) => line[7] === "0"));
});

test("taken out over the stats socket, the endpoint is not tried at all", async () => {
  for (const backend of new Set(lab.compile(cart).servers.map((one) => one.backend))) {
    await lab.runtime(cart).setServerState(backend, "catalog-v1-2", "maint");
  }
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(client, CREATE)));
  assert.deepEqual(new Set(answers.map(({ code }) => code)), new Set([status.OK]));
});

// HAProxy 2.6 says so of every connection that breaks before an answer, whether or not the call was served.
test("a sidecar that goes away during a call leaves it refused, which clients may send once more", async () => {
  const once = outboundOf(lab, cart, "catalog", { "grpc.enable_retries": 0 });
  const before = apps[0]?.calls() ?? 0;
  const call = ask(once, CREATE, { "x-wait-ms": "250" });
  await sleep(50);
  await lab.kill(first);
  const { code, details } = await call;
  await lab.up();
  assert.equal(code, status.UNAVAILABLE);
  assert.match(details, /refused/i);
  assert.equal((apps[0]?.calls() ?? 0) - before, 1);
});

test("retries are counted, and end in UNAVAILABLE when nobody is there", async () => {
  await apps[0]?.stop();
  const from = await linesSoFar();
  const config = readFileSync(`${cart.sidecar.folder}/service-config.json`, "utf8");
  const retrying = outboundOf(lab, cart, "catalog", { "grpc.service_config": config });
  const began = performance.now();
  const { code, details } = await ask(retrying, GET);
  assert.equal(code, status.UNAVAILABLE);
  assert.match(details, /no endpoint could be reached/);
  assert.ok(performance.now() - began < 1_900, "each retry waits a second");
  const lines = await outboundLines(from);
  assert.deepEqual(
    lines.map((line) => [line[5], line[7]]),
    [["14", "2"]],
    "one call, two retries: the client added none",
  );
  const inbound = lab.lines.slice(from).filter((line) => line.startsWith("I|catalog-v1-1"));
  assert.equal(inbound.length, 3);
});
