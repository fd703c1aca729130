import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, test } from "vitest";
import type { Workload } from "../src/haproxy/workload.ts";
import { resources, route, server, services, to } from "./manifests.ts";
import { SidecarLab } from "./sidecar-lab.ts";
import { ask, outboundOf, serve, watch } from "./tiny-app.ts";

const GET = "/shop.catalog.v1.CatalogService/GetProduct";
const AT_ONCE = 16;

let lab: SidecarLab;
let catalog: Workload;
let second: Workload;
let cart: Workload;
let client: Client;

beforeAll(async () => {
  lab = await SidecarLab.open();
  catalog = await lab.add({ service: "catalog" });
  second = await lab.add({ service: "catalog", version: "v2" });
  cart = await lab.add({ service: "cart", calls: ["catalog"] });
  await serve(lab, catalog, [GET]);
  await serve(lab, second, [GET]);
  await lab.up(split(1, 1));
  client = outboundOf(lab, cart, "catalog");
});

afterAll(() => lab.close());

function split(v1: number, v2: number) {
  const rule = `{ ${to(`catalog-v1=${v1}`, `catalog-v2=${v2}`)} }`;
  return resources(
    services("catalog", "v1", "v2"),
    services("cart"),
    server("catalog"),
    route("catalog", "catalog", [rule]),
  );
}

/** Calls without a pause while something happens; every one of them must be served. */
async function underLoad(happens: () => Promise<unknown>): Promise<void> {
  let goesOn = true;
  const codes = new Map<string, number>();
  const callers = Array.from({ length: AT_ONCE }, async () => {
    while (goesOn) {
      const { code, details } = await ask(client, GET);
      const key = `${status[code]} ${details}`;
      codes.set(key, (codes.get(key) ?? 0) + 1);
    }
  });
  await sleep(100);
  await happens().finally(() => {
    goesOn = false;
  });
  await Promise.all(callers);
  const [total] = codes.values();
  assert.deepEqual([...codes.keys()], ["OK "], JSON.stringify([...codes]));
  assert.ok((total ?? 0) > 50);
}

test("the caller's sidecar is reloaded without a failed call", async () => {
  await underLoad(async () => {
    for (let times = 0; times < 5; times++) {
      await lab.reloadOne(cart);
      await sleep(50);
    }
  });
});

test("the callee's sidecar is reloaded without a failed call", async () => {
  await underLoad(async () => {
    for (let times = 0; times < 5; times++) {
      await lab.reloadOne(catalog);
      await sleep(50);
    }
  });
});

test("weights and readiness change without a reload and without a failed call", async () => {
  const change = async () => {
    const { weights, servers } = lab.compile(cart);
    const entries = Object.entries(weights).map(([name, weight]) => [name, String(weight)]);
    await lab.runtime(cart).replaceMap(`${cart.sidecar.folder}/weights.map`, Object.fromEntries(entries));
    for (const { backend, server, isReady } of servers) {
      await lab.runtime(cart).setServerState(backend, server, isReady ? "ready" : "maint");
    }
  };
  await underLoad(async () => {
    for (let times = 0; times < 10; times++) {
      lab.resources = split(1 + (times % 3), times % 2);
      lab.workloads[1] = { ...second, isReady: times % 3 === 0 || times % 2 === 0 };
      await change();
      await sleep(20);
    }
  });
});

test("a stream outlives a reload of both its sidecars, and a new one opens beside it", async () => {
  const messages: string[] = [];
  const stream = watch(client, (message) => messages.push(message));
  while (messages.length === 0) await sleep(10);
  await lab.reloadOne(cart);
  await lab.reloadOne(catalog);
  const next = watch(client, (message) => messages.push(message));
  while (messages.length === 1) await sleep(10);
  assert.equal(stream.code, undefined);
  stream.cancel();
  next.cancel();
});
