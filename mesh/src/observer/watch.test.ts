import assert from "node:assert/strict";
import { test } from "vitest";
import { FailureAccrual } from "./failure-accrual.ts";
import { podOf } from "./pod.ts";
import { RequestLines } from "./request-lines.ts";
import { Watch } from "./watch.ts";
import { Watches } from "./watches.ts";

const GET = "/shop.catalog.v1.CatalogService/GetProduct";

interface Request {
  from?: string;
  backend?: string;
  server?: string;
  http?: number;
  grpc?: number | "-";
  us?: number;
  retries?: string;
  end?: string;
  path?: string;
  trace?: string;
}

/** What a watch of the catalog counts of these requests. */
function counted(thresholdsUs: readonly number[], ...requests: Request[]) {
  const watch = new Watch("catalog", thresholdsUs);
  const lines = new RequestLines({
    pod: podOf,
    health: (pod, service, endpoint) => new FailureAccrual(pod.instance, service, endpoint),
    tripped: () => {},
    outbound: (fields, target) => watch.record(fields, target),
    inbound: () => {},
  });
  for (const request of requests) lines.take(Buffer.from(lineOf(request)), 1);
  return watch.counts();
}

function lineOf({
  from = "orders-v1-1",
  backend = "catalog:catalog-fast:0:catalog-v2",
  server = "catalog-v2-1",
  http = 200,
  grpc = 0,
  us = 1_000,
  retries = "0",
  end = "--",
  path = GET,
  trace = "-",
}: Request): string {
  return ["O", from, backend, server, http, grpc, us, retries, end, path, trace, 1].join("|");
}

const traceOf = (digit: string) => ({
  id: digit.repeat(32),
  parent: `00-${digit.repeat(32)}-${"1".repeat(16)}-00`,
});

test("counts requests by method, caller and chosen version", () => {
  const { strata } = counted(
    [],
    {},
    {},
    { from: "edge-v1-1" },
    { backend: "catalog:catalog-fast:0:catalog-v1-baseline" },
    { path: "/shop.catalog.v1.CatalogService/ListProducts" },
  );
  assert.deepEqual(
    strata.map(({ method, caller, backend, requests }) => [method, caller, backend, requests]),
    [
      ["GetProduct", "orders", "catalog-v2", 2],
      ["GetProduct", "edge", "catalog-v2", 1],
      ["GetProduct", "orders", "catalog-v1-baseline", 1],
      ["ListProducts", "orders", "catalog-v2", 1],
    ],
  );
});

test("takes for failures what counts against a service, and nothing that its callers caused", () => {
  const { strata } = counted(
    [],
    { grpc: 5 },
    { grpc: 3 },
    { grpc: 9 },
    { grpc: 1 },
    { http: -1, grpc: "-", end: "CD" },
  );
  assert.deepEqual(
    strata.map(({ requests, failed }) => [requests, failed]),
    [[5, 0]],
  );
  const broken = counted(
    [],
    { grpc: 13 },
    { grpc: 4, end: "sH" },
    { http: 503, server: "<NOSRV>", grpc: "-", end: "SC" },
  );
  assert.deepEqual(
    broken.strata.map(({ requests, failed }) => [requests, failed]),
    [[3, 3]],
  );
});

test("counts what a sidecar sent again as failed attempts, and the split's decision once", () => {
  const { strata } = counted([5_000], { retries: "+2" });
  const [{ requests, attempts, failed, slow } = assert.fail()] = strata;
  assert.deepEqual({ requests, attempts, failed, slow }, { requests: 1, attempts: 3, failed: 2, slow: [2] });
});

test("counts for each threshold what took longer or failed", () => {
  const { strata } = counted([1_023, 5_119], { us: 1_023 }, { us: 1_024 }, { us: 9_000 }, { us: 10, grpc: 14 });
  assert.deepEqual(strata[0]?.slow, [3, 2]);
});

test("names the trace of what failed and of what was slow", () => {
  const [failed, slow] = [traceOf("a"), traceOf("b")];
  const { strata } = counted([1_023], { grpc: 13, trace: failed.parent }, { us: 5_000, trace: slow.parent });
  assert.equal(strata[0]?.failedTrace, failed.id);
  assert.deepEqual(strata[0]?.slowTraces, [slow.id]);
});

test("counts the calls that each version makes, wherever they go", () => {
  const from = (from: string) => ({ from, backend: "inventory:inventory-fast:0:inventory-v1" });
  const { calls, strata } = counted(
    [],
    from("catalog-v1-1"),
    from("catalog-v2-1"),
    from("catalog-v2-2"),
    from("edge-v1-1"),
  );
  assert.deepEqual(calls, [
    { version: "v1", calls: 1 },
    { version: "v2", calls: 2 },
  ]);
  assert.deepEqual(strata, []);
});

test("tells the median of an instance's first hundred requests once it had them, and nothing of later ones", () => {
  const took = Array.from({ length: 100 }, (_, index) => ({ us: (index + 1) * 10 }));
  assert.deepEqual(counted([], ...took.slice(1)).firstCalls, []);
  const later = Array.from({ length: 200 }, () => ({ us: 9_000 }));
  const { firstCalls } = counted(
    [],
    ...took,
    ...later,
    { server: "catalog-v2-2", us: 5 },
    { server: "<NOSRV>", us: 1 },
  );
  assert.deepEqual(firstCalls, [{ instance: "catalog-v2-1", medianUs: 505 }]);
});

test("leaves out what came to no version", () => {
  assert.deepEqual(counted([], { backend: "out:catalog", server: "-", grpc: 5 }).strata, []);
});

test("tells five hundred strata apart, and counts all others together", () => {
  const paths = Array.from({ length: 600 }, (_, index) => ({ path: `/shop.catalog.v1.CatalogService/No${index}` }));
  const { strata } = counted([], ...paths);
  assert.equal(strata.length, 501);
  assert.deepEqual(strata.at(-1), { ...strata.at(-1), method: "other", caller: "orders", requests: 100 });
});

test("opens sixteen watches and closes those that nobody looks at for a minute", () => {
  const watches = new Watches();
  const ids = Array.from({ length: 16 }, () => watches.open("catalog", [], 0));
  assert.equal(watches.open("catalog", [], 60_000), undefined);
  const [kept = ""] = ids;
  assert.ok(watches.find(kept, 50_000));
  assert.ok(watches.open("catalog", [], 60_001));
  assert.ok(watches.find(kept, 60_002));
  assert.equal(watches.find(ids[1] ?? "", 60_002), undefined);
});
