import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Client, status } from "@grpc/grpc-js";
import { resources, server, services } from "./manifests.ts";
import { SidecarLab } from "./sidecar-lab.ts";
import { ask, outboundOf, serve } from "./tiny-app.ts";

const GET = "/shop.catalog.v1.CatalogService/GetProduct";

let lab: SidecarLab;
const clients = new Map<string, Client>();

before(async () => {
  lab = await SidecarLab.open();
  const catalog = await lab.add({ service: "catalog" });
  for (const account of ["cart", "orders", "edge"]) {
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
      clientRefs: [{ kind: ServiceAccount, name: orders, namespace: shop }]`;
  await lab.up(resources(services("catalog"), services("cart"), server("catalog", { protocol: "HTTP/2" }), limits));
  for (const client of clients.values()) await ask(client, GET);
});

after(() => lab.close());

/** How many of a burst got through; all others must have been told RESOURCE_EXHAUSTED. */
async function burst(account: string, calls: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 2_100)); // what came before counts no more
  return letIn(account, calls);
}

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

/** A slow machine takes a little more than the second that is counted. */
function isAbout(found: number, limit: number): boolean {
  return found >= limit && found <= limit * 1.2;
}

test("one caller gets as many calls a second as each may have", async () => {
  assert.ok(isAbout(await burst("cart", 50), 20));
});

test("a caller with a limit of its own gets that many", async () => {
  assert.ok(isAbout(await burst("orders", 50), 35));
});

test("all together get no more than the total", async () => {
  const [cart, orders, edge] = [await burst("cart", 50), await letIn("orders", 50), await letIn("edge", 50)];
  assert.ok(isAbout(cart + orders + edge, 60), `${cart} + ${orders} + ${edge}`);
  assert.ok(edge < 15, "the total leaves edge less than its own limit of 20");
});

test("what is refused does not count: a steady overload gets through what is allowed", async () => {
  await burst("cart", 0);
  let through = 0;
  for (let tenth = 0; tenth < 30; tenth++) {
    through += await letIn("cart", 10);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(through >= 45 && through <= 95, `${through} in 3 seconds of 20 each`);
});
