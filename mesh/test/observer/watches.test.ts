/** What an experiment asks of the observer: exact counts of a service's requests, and what stable took before. */
import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { boundOf } from "../../src/observer/latency-buckets.ts";
import type { Quantiles } from "../../src/observer/stat.ts";
import type { WatchCounts } from "../../src/observer/watch.ts";
import type { OpenedWatch } from "../../src/observer/watch-api.ts";
import { eventually, type Observer, startObserver } from "./observer-process.ts";

let observer: Observer;
beforeAll(async () => {
  observer = await startObserver();
});
afterAll(async () => {
  await observer.stop();
  await observer.remove();
});

function line(us: number, version = "v2", from = "edge-v1-1", to = "catalog"): string {
  const backend = `${to}:${to}-fast:0:${to}-${version}`;
  return ["O", from, backend, `${to}-${version}-1`, 200, 0, us, 0, "--", "/shop.x.v1.X/Get", "-", 1].join("|");
}

async function ask(method: string, path: string) {
  const response = await fetch(observer.url + path, { method });
  return { status: response.status, body: await response.json() };
}

async function open(query: string): Promise<string> {
  const { status, body } = await ask("POST", `/watches?${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return (body as OpenedWatch).id;
}

async function countsOf(id: string): Promise<WatchCounts> {
  return (await ask("GET", `/watches/${id}`)).body as WatchCounts;
}

test("a watch counts what came since it was opened, whenever and however often it is read", async () => {
  await observer.send(line(900));
  await eventually(async () => (await observer.metric("outbound_grpc_route_backend_requests_total")) === 1);
  const id = await open(`service=catalog&thresholdUs=${boundOf(1_000)}`);
  assert.deepEqual(await countsOf(id), { linesLost: 0, strata: [], calls: [], firstCalls: [] });
  await observer.send(line(900), line(5_000), line(100, "v1", "catalog-v2-1", "inventory"));
  await eventually(async () => (await countsOf(id)).calls.length === 1);
  const seen = await countsOf(id);
  assert.deepEqual(seen.strata, [
    {
      ...{ method: "Get", caller: "edge", backend: "catalog-v2", requests: 2, attempts: 2, failed: 0, slow: [1] },
      ...{ failedTrace: "", slowTraces: [""] },
    },
  ]);
  assert.deepEqual(seen.calls, [{ version: "v2", calls: 1 }]);
  assert.deepEqual(await countsOf(id), seen, "reading takes nothing away");
});

test("a watch that was closed is gone, and one that cannot be is refused with what is wrong", async () => {
  const id = await open("service=catalog");
  assert.equal((await ask("DELETE", `/watches/${id}`)).status, 200);
  const gone = await ask("GET", `/watches/${id}`);
  assert.equal(gone.status, 404);
  assert.match(JSON.stringify(gone.body), /Cannot find watch .*: it was closed, or nobody looked for a minute/);
  const wrong = await ask("POST", "/watches?service=catalog&thresholdUs=1001");
  assert.equal(wrong.status, 400);
  assert.match(JSON.stringify(wrong.body), /thresholdUs up to 10 bounds of buckets/);
  assert.equal((await ask("POST", "/watches")).status, 400);
});

test("quantiles of a backend are bounds of buckets, over all that call it", async () => {
  const took = Array.from({ length: 100 }, (_, index) => line((index + 1) * 1_000, "v7", `edge-v1-${index % 2}`));
  await observer.send(...took);
  const asked = "/quantiles?backend=catalog-v7&window=60&share=0.5&share=0.9&share=0.99";
  const quantiles = async () => (await ask("GET", asked)).body as Quantiles;
  await eventually(async () => (await quantiles()).requests === 100);
  assert.deepEqual((await quantiles()).boundsUs, [50_000, 90_000, 99_000].map(boundOf));
  assert.deepEqual((await ask("GET", "/quantiles?backend=catalog-v9&share=0.5")).body, { requests: 0, boundsUs: [] });
});
