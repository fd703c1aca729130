import assert from "node:assert/strict";
import { type Client, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, test } from "vitest";
import type { Workload } from "../src/haproxy/workload.ts";
import { resources, route, server, services, to } from "./manifests.ts";
import { SidecarLab } from "./sidecar-lab.ts";
import { type App, ask, outboundOf, serve } from "./tiny-app.ts";

const GET = "/shop.catalog.v1.CatalogService/GetProduct";
const REQUESTS = 20_000;
const AT_ONCE = 64;
/** Of the normal distribution, for 99.9 % on both sides together. */
const Z = 3.2905;

let lab: SidecarLab;
let cart: Workload;
let client: Client;
let v1: App;
let v2: App;

beforeAll(async () => {
  lab = await SidecarLab.open();
  const first = await lab.add({ service: "catalog" });
  const second = await lab.add({ service: "catalog", version: "v2" });
  cart = await lab.add({ service: "cart", calls: ["catalog"] });
  v1 = await serve(lab, first, [GET]);
  v2 = await serve(lab, second, [GET]);
  await lab.up(split("catalog-v1=50", "catalog-v2=50"));
  client = outboundOf(lab, cart, "catalog");
});

afterAll(() => lab.close());

function split(...shares: readonly string[]) {
  const rule = `{ ${to(...shares)} }`;
  return resources(
    services("catalog", "v1", "v2", "v3"),
    services("cart"),
    server("catalog"),
    route("catalog", "catalog", [rule]),
  );
}

/** How many of the calls v2 served; every call must have been served. */
async function served(requests: number): Promise<number> {
  const before = { v1: v1.calls(), v2: v2.calls() };
  let left = requests;
  const codes = new Map<status, number>();
  const caller = async () => {
    while (left-- > 0) {
      const { code } = await ask(client, GET);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  assert.deepEqual([...codes], [[status.OK, requests]]);
  const toV2 = v2.calls() - before.v2;
  assert.equal(v1.calls() - before.v1 + toV2, requests);
  return toV2;
}

async function setWeights(weights: Readonly<Record<string, number>>): Promise<void> {
  const entries = Object.entries(weights).map(([version, weight]) => [
    `catalog:catalog:0:catalog-${version}`,
    `${weight}`,
  ]);
  await lab.runtime(cart).setMapEntries(`${cart.sidecar.folder}/weights.map`, Object.fromEntries(entries));
}

for (const [share1, share2] of [
  [90, 10],
  [99, 1],
  [50, 50],
] as const) {
  test(`${REQUESTS} requests at ${share1}/${share2} are split so, within what chance allows`, async () => {
    await setWeights({ v1: share1, v2: share2 });
    const expected = (REQUESTS * share2) / (share1 + share2);
    const most = Z * Math.sqrt((expected * share1) / (share1 + share2));
    const toV2 = await served(REQUESTS);
    assert.ok(Math.abs(toV2 - expected) <= most, `${toV2} of ${REQUESTS} went to v2, ${expected} ± ${most} were due`);
  });
}

test("a weight of 0 gets nothing, whichever side it is on", async () => {
  await setWeights({ v1: 1, v2: 0 });
  assert.equal(await served(300), 0);
  await setWeights({ v1: 0, v2: 1 });
  assert.equal(await served(300), 300);
});

test("weights of 0 alone leave nobody to call", async () => {
  await setWeights({ v1: 0, v2: 0 });
  assert.equal((await ask(client, GET)).code, status.UNAVAILABLE);
});

test("a backend whose endpoints are taken out loses its share to the others, and gets it back", async () => {
  await setWeights({ v1: 1, v2: 9 });
  const runtime = lab.runtime(cart);
  await runtime.setServerState("catalog:catalog:0:catalog-v2", "catalog-v2-1", "maint");
  assert.equal(await served(300), 0);
  await runtime.setServerState("catalog:catalog:0:catalog-v2", "catalog-v2-1", "ready");
  assert.ok((await served(300)) > 200);
});

test("a backend without endpoints loses its share to the others in proportion", async () => {
  lab.resources = split("catalog-v1=30", "catalog-v3=60", "catalog-v2=10");
  await lab.reloadOne(cart);
  const toV2 = await served(4_000);
  assert.ok(Math.abs(toV2 - 1_000) <= Z * Math.sqrt(4_000 * 0.25 * 0.75), `${toV2} of 4000`);
});

test("an instance that is not ready when its sidecar starts gets nothing until it is", async () => {
  const at = lab.workloads.findIndex(({ instance }) => instance === "catalog-v2-1");
  const workload = lab.workloads[at];
  assert.ok(workload);
  lab.workloads[at] = { ...workload, isReady: false };
  lab.resources = split("catalog-v1=50", "catalog-v2=50");
  await lab.reloadOne(cart);
  assert.equal(await served(200), 0);
  await lab.runtime(cart).setServerState("catalog:catalog:0:catalog-v2", "catalog-v2-1", "ready");
  assert.ok((await served(200)) > 50);
});
