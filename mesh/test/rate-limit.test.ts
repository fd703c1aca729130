import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, test } from "vitest";
import { resources, server, services } from "./manifests.ts";
import { SidecarLab } from "./sidecar-lab.ts";
import { ask, outboundOf, serve } from "./tiny-app.ts";

const GET = "/shop.catalog.v1.CatalogService/GetProduct";

let lab: SidecarLab;
const clients = new Map<string, Client>();

beforeAll(async () => {
  lab = await SidecarLab.open();
  const catalog = await lab.add({ service: "catalog" });
  for (const account of ["cart", "orders", "payments", "edge"]) {
    const workload = await lab.add({ service: account, calls: ["catalog"] });
    clients.set(account, outboundOf(lab, workload, "catalog"));
  }
  await serve(lab, catalog, [GET]);
  const limits = `
apiVersion: policy.linkerd.io/v1alpha1
kind: HTTPLocalRateLimitPolicy
metadata: { name: catalog, namespace: shop }
spec:
  targetRef: { group: policy.linkerd.io, kind: Server, name: catalog-grpc }
  total: { requestsPerSecond: 60 }
  identity: { requestsPerSecond: 20 }
  overrides:
    - requestsPerSecond: 35
      clientRefs:
        - { kind: ServiceAccount, name: orders, namespace: shop }
        - { kind: ServiceAccount, name: payments, namespace: shop }`;
  await lab.up(resources(services("catalog"), services("cart"), server("catalog", { protocol: "HTTP/2" }), limits));
  for (const client of clients.values()) await ask(client, GET);
});

afterAll(() => lab.close());

/** All buckets are full again: each fills up within a second. */
async function rested(): Promise<void> {
  await sleep(1_050);
}

/** How many of a burst got through; all others must have been told RESOURCE_EXHAUSTED. */
async function letIn(account: string, calls: number): Promise<number> {
  const client = clients.get(account);
  assert.ok(client);
  const answers = await Promise.all(Array.from({ length: calls }, () => ask(client, GET)));
  const refused = answers.filter(({ code }) => code !== status.OK);
  for (const { code, details } of refused) {
    assert.equal(code, status.RESOURCE_EXHAUSTED);
    assert.equal(details, "rate limit exceeded");
  }
  return calls - refused.length;
}

/** What a full bucket holds, and what drops into it meanwhile: the slower the machine, the more. */
function isBucketOf(limit: number, found: number, sinceMs: number): void {
  const most = limit + (limit * (performance.now() - sinceMs)) / 1_000 + 1;
  assert.ok(found >= limit && found <= most, `${found} of a bucket of ${limit}, at most ${most}`);
}

test("one caller gets as many calls at once as each may have a second", async () => {
  await rested();
  const start = performance.now();
  isBucketOf(20, await letIn("cart", 50), start);
});

test("a bucket is full again after a second, as Linkerd's is (governor, Quota::per_second)", async () => {
  await rested();
  assert.equal(await letIn("cart", 20), 20);
  await rested();
  assert.equal(await letIn("cart", 20), 20);
});

test("callers of one override share its limit", async () => {
  await rested();
  const start = performance.now();
  isBucketOf(35, (await letIn("orders", 25)) + (await letIn("payments", 25)), start);
});

test("all together get no more than the total", async () => {
  await rested();
  const start = performance.now();
  const [cart, orders, edge] = [await letIn("cart", 20), await letIn("orders", 35), await letIn("edge", 20)];
  isBucketOf(60, cart + orders + edge, start);
});

test("what a caller's own limit refuses has taken from the total, which Linkerd asks first (linkerd2-proxy, local_rate_limit.rs)", async () => {
  await rested();
  const start = performance.now();
  await letIn("cart", 200);
  const left = await letIn("orders", 35);
  const most = (60 * (performance.now() - start)) / 1_000 + 1;
  assert.ok(left <= most, `${left}, and at most ${most} can have dropped into the total since`);
});

test("what is refused takes nothing from a bucket: a steady overload gets through what is allowed", async () => {
  await rested();
  const start = performance.now();
  let through = 0;
  for (let tenth = 0; tenth < 30; tenth++) {
    through += await letIn("cart", 5);
    await sleep(100);
  }
  isBucketOf(20, through, start);
  assert.ok(through >= 60, `${through} in three seconds and more of 20 each, beside a full bucket`);
});
