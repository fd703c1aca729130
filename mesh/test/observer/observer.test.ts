import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { afterAll, beforeAll, test } from "vitest";
import type { Stat } from "../../src/observer/stat.ts";
import type { TapLine } from "../../src/observer/tap.ts";
import { eventually, type Observer, sampleOf, startObserver } from "./observer-process.ts";

const NO_TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00";
const GET = "/shop.catalog.v1.CatalogService/GetProduct";

let observer: Observer;
beforeAll(async () => {
  observer = await startObserver();
});
afterAll(async () => {
  await observer.stop();
  await observer.remove();
});

interface Outbound {
  pod?: string;
  backend?: string;
  server?: string;
  http?: number;
  grpc?: string;
  us?: number;
  retries?: string;
  end?: string;
}

function outbound({
  pod = "orders-v1-1",
  backend = "catalog:catalog-fast:0:catalog-v1",
  server = "catalog-v1-1",
  http = 200,
  grpc = "-",
  us = 1_000,
  retries = "0",
  end = "--",
}: Outbound): string {
  return ["O", pod, backend, server, http, grpc, us, retries, end, GET, NO_TRACE, Date.now() * 1_000].join("|");
}

const ROUTE = {
  parent_group: "core",
  parent_kind: "Service",
  parent_namespace: "shop",
  parent_name: "catalog",
  parent_port: "50051",
  route_group: "gateway.networking.k8s.io",
  route_kind: "GRPCRoute",
  route_namespace: "shop",
  route_name: "catalog-fast",
};
const BACKEND = {
  backend_kind: "Service",
  backend_namespace: "shop",
  backend_name: "catalog-v1",
  backend_port: "50051",
};

test("counts requests under Linkerd's names and labels", async () => {
  const pod = { namespace: "shop", deployment: "metrics-v2", pod: "metrics-v2-3" };
  const line = { pod: pod.pod };
  await observer.send(
    outbound({ ...line, us: 30_000 }),
    outbound({ ...line, us: 70_000, backend: "catalog:catalog-fast:1:catalog-v1" }),
    outbound({ ...line, http: 200, grpc: "5" }),
    outbound({ ...line, http: 200, grpc: "4", end: "sH", us: 2_000_000 }),
    outbound({ ...line, http: 503, server: "<NOSRV>", end: "SC" }),
    outbound({ ...line, http: -1, end: "CH" }),
    outbound({ ...line, retries: "+2" }),
  );
  const responses = "outbound_grpc_route_backend_response_statuses_total";
  const labels = { ...pod, ...ROUTE, ...BACKEND };
  await eventually(async () => (await observer.metric("outbound_grpc_route_backend_requests_total", labels)) === 9);
  const text = await observer.get("/metrics");
  const status = (grpc_status: string, error: string) => sampleOf(text, responses, { ...labels, grpc_status, error });
  assert.equal(status("OK", ""), 3);
  assert.equal(status("NOT_FOUND", ""), 1);
  assert.equal(status("DEADLINE_EXCEEDED", "REQUEST_TIMEOUT"), 1);
  assert.equal(status("UNAVAILABLE", "FAIL_FAST"), 1);
  assert.equal(status("", "CANCEL"), 1);
  assert.equal(status("UNAVAILABLE", "IO"), 2, "what was sent again had failed");
  const requests = "outbound_grpc_route_request_statuses_total";
  assert.equal(sampleOf(text, requests, { ...pod, ...ROUTE, grpc_status: "OK", error: "" }), 3);
  assert.equal(sampleOf(text, requests, { ...pod, ...ROUTE, error: "IO" }), undefined, "clients saw none of those");
  const retries = (name: string) => sampleOf(text, `outbound_grpc_route_retry_${name}_total`, { ...pod, ...ROUTE });
  assert.deepEqual(["requests", "successes", "limit_exceeded"].map(retries), [2, 1, 0]);
  const bucket = (le: string) =>
    sampleOf(text, "outbound_grpc_route_backend_response_duration_seconds_bucket", { ...labels, le });
  assert.deepEqual(["0.025", "0.05", "0.1", "0.25", "0.5", "1", "10", "+Inf"].map(bucket), [4, 5, 6, 6, 6, 6, 7, 7]);
  const routeBucket = (le: string) =>
    sampleOf(text, "outbound_grpc_route_request_duration_seconds_bucket", { ...pod, ...ROUTE, le });
  assert.deepEqual(["0.05", "0.5", "1", "10", "+Inf"].map(routeBucket), [5, 6, 6, 7, 7]);
});

test("writes no series twice, and every line as Prometheus reads it", async () => {
  await observer.send(
    outbound({ pod: 'od"d\\-v1-1' }),
    outbound({}),
    outbound({ backend: "out:catalog", server: "-" }),
  );
  await eventually(async () => (await observer.get("/metrics")).includes("od"));
  const samples = (await observer.get("/metrics")).split("\n").filter((line) => line && !line.startsWith("#"));
  const label = String.raw`[a-z_]+="(?:[^"\\\n]|\\["\\n])*"`;
  for (const sample of samples)
    assert.match(sample, new RegExp(`^[a-z_]+(?:\\{${label}(?:,${label})*\\})? [0-9.e+-]+$`));
  const series = samples.map((sample) => sample.slice(0, sample.lastIndexOf(" ")));
  assert.equal(new Set(series).size, series.length);
});

test("counts what sidecars refuse by route and caller", async () => {
  const refused = (decision: string, grpc: number, caller = "cart.shop", frontend = "in:grpc") =>
    ["I", "payments-v1-1", caller, frontend, "payments-for-orders", decision, "-"]
      .concat(["200", String(grpc), "80", "PR", "/shop.payments.v1.PaymentService/Capture", "-", "1763710000000000"])
      .join("|");
  await observer.send(refused("deny", 7), refused("deny", 7), refused("deny", 7, "-", "in:laptop"));
  await observer.send(refused("no-route", 5), refused("rate-limited", 8));
  const server = { pod: "payments-v1-1", srv_kind: "server", srv_name: "payments-grpc" };
  const cart = { ...server, client_id: "cart.shop.serviceaccount.identity.linkerd.cluster.local", tls: "true" };
  await eventually(async () => (await observer.metric("inbound_http_local_ratelimit_total", cart)) === 1);
  const route = { route_kind: "GRPCRoute", route_name: "payments-for-orders" };
  assert.equal(await observer.metric("inbound_http_authz_deny_total", { ...cart, ...route }), 2);
  assert.equal(await observer.metric("inbound_http_authz_deny_total", { ...server, client_id: "", tls: "no_tls" }), 1);
  assert.equal(await observer.metric("inbound_http_route_not_found_total", cart), 1);
});

test("tells success rate, rate and latencies of each edge of the call graph", async () => {
  const to = { backend: "inventory:inventory-fast:0:inventory-v2", server: "inventory-v2-1" };
  const lines = Array.from({ length: 100 }, (_, index) => outbound({ ...to, us: (index + 1) * 1_000 }));
  await observer.send(
    ...lines.slice(0, 90),
    ...Array.from({ length: 10 }, () => outbound({ ...to, grpc: "14", us: 1 })),
  );
  await observer.send(outbound({ ...to, pod: "cart-v1-1" }), outbound({ ...to, http: -1, end: "CD" }));
  const ask = async () => JSON.parse(await observer.get("/stat?service=inventory")) as Stat;
  await eventually(async () => (await ask()).edges.reduce((total, edge) => total + edge.requests, 0) === 102);
  const { edges, seconds } = await ask();
  assert.deepEqual(
    edges.map(({ client }) => client),
    ["cart-v1", "orders-v1"],
  );
  const [, orders] = edges;
  assert.ok(orders);
  assert.equal(orders.service, "inventory");
  assert.equal(orders.backend, "inventory-v2");
  assert.equal(orders.route, "inventory-fast");
  assert.equal(orders.successRate, 0.9, "what the client gave up is neither");
  assert.equal(orders.cancelled, 1);
  assert.ok(Math.abs(orders.requestsPerSecond - 101 / seconds) < 1);
  assert.ok(Math.abs((orders.p99Us ?? 0) / 89_000 - 1) < 0.06, `${orders.p99Us}`);
  assert.deepEqual((JSON.parse(await observer.get("/stat?service=nobody")) as Stat).edges, []);
});

test("looks back as far as it is asked to, and tells what was sent again and what met its deadline", async () => {
  const to = { pod: "window-v1-1", backend: "auth:auth-fast:0:auth-v1", server: "auth-v1-1" };
  await observer.send(outbound({ ...to, retries: "+2" }), outbound({ ...to, grpc: "4", end: "sH" }));
  const ask = async (query: string) => JSON.parse(await observer.get(`/stat?service=window${query}`)) as Stat;
  for (const query of ["", "&window=60"]) {
    await eventually(async () => (await ask(query)).edges[0]?.requests === 2);
    const { edges, seconds } = await ask(query);
    assert.deepEqual(
      edges.map(({ retries, timeouts }) => [retries, timeouts]),
      [[2, 1]],
    );
    assert.ok(query === "" ? seconds >= 10 && seconds < 11 : seconds >= 60 && seconds < 70, `${seconds}`);
  }
  const { status } = await fetch(`${observer.url}/stat?window=soon`);
  assert.equal(status, 400);
});

test("shows requests as they pass, of the service asked for", async () => {
  const stream = tap("/tap?service=shipping");
  await stream.opened;
  const to = { backend: "shipping:shipping-fast:0:shipping-v1", server: "shipping-v1-1" };
  await observer.send(outbound({}), outbound({ ...to, grpc: "14", retries: "1" }));
  await observer.send("I|shipping-v1-1|-|in:laptop|-|deny|-|200|7|80|PR|/a|b|-|1763710000123456");
  const first = await stream.next();
  assert.ok("path" in first);
  assert.deepEqual(
    [first.client, first.server, first.path, first.grpcStatus, first.retries, first.route, first.durationUs],
    ["orders-v1-1", "shipping-v1-1", GET, "UNAVAILABLE", 1, "shipping-fast", 1_000],
  );
  const second = await stream.next();
  assert.ok("path" in second);
  assert.deepEqual(
    [second.direction, second.client, second.path, second.error, second.time],
    ["inbound", "", "/a|b", "deny", "2025-11-21T07:26:40.123456Z"],
  );
  stream.close();
});

test("tells a slow reader how many requests it missed", { timeout: 30_000 }, async () => {
  const slow = await fetch(`${observer.url}/tap?service=slow`);
  const line = outbound({ backend: "slow:slow-fast:0:slow-v1" });
  const before = (await observer.metric("mesh_request_lines_total")) ?? 0;
  const count = 30_000;
  // In batches that fit the kernel's buffer: what is to be lost here is lost to the reader, not on the way.
  for (let sent = 1_000; sent <= count; sent += 1_000) {
    await observer.send(...Array.from({ length: 1_000 }, () => line));
    await eventually(async () => ((await observer.metric("mesh_request_lines_total")) ?? 0) - before === sent);
  }
  // Its place for more is made by reading; the next request brings the number.
  const lines = createInterface({ input: Readable.fromWeb(slow.body as ReadableStream) })[Symbol.asyncIterator]();
  let shown = 0;
  let lost = 0;
  while (shown + lost < count) {
    const read: TapLine = JSON.parse((await lines.next()).value ?? "");
    if ("lost" in read) lost += read.lost;
    else shown += 1;
  }
  assert.ok(lost > 0, "nothing was left out");
  assert.equal(shown + lost, count);
  await lines.return?.();
});

test("counts lines that it cannot read, and goes on", async () => {
  const before = (await observer.metric("mesh_request_lines_invalid_total")) ?? 0;
  await observer.send("O|", "O|a|b|c", "I|x|y", "O||a|b|c|d|e|f|g|h|i|j|k");
  await observer.send("", "O", "Proxy in:grpc stopped (cumulated conns: FE: 3, BE: 0).", "Z|orders-v1-1|a|b|c");
  await eventually(async () => (await observer.metric("mesh_sidecar_messages_total")) === 4);
  assert.equal(await observer.metric("mesh_request_lines_invalid_total"), before + 4);
  assert.equal(await observer.metric("mesh_request_lines_lost_total"), undefined, "there are no sidecars");
});

test("says what there is when asked for something else", async () => {
  const answer = await fetch(`${observer.url}/nothing`);
  assert.equal(answer.status, 404);
  assert.match(await answer.text(), /Cannot answer \/nothing: there are \/metrics/);
  assert.equal((await fetch(`${observer.url}/metrics`, { method: "DELETE" })).status, 405);
});

test("names every bad variable in one error", () => {
  const program = join(import.meta.dirname, "../../src/observer/main.ts");
  const env = { PATH: process.env.PATH, OBSERVER_LOG_ADDRESS: "0.0.0.0:7500", OBSERVER_HTTP_ADDRESS: "127.0.0.1:x" };
  const { status, stderr } = spawnSync(process.execPath, [program], { env, encoding: "utf8" });
  assert.equal(status, 1);
  assert.equal(
    stderr.trim(),
    "Cannot start: OBSERVER_LOG_ADDRESS must be 127.0.0.1:port; OBSERVER_HTTP_ADDRESS must be host:port or unix:/path; " +
      "OBSERVER_DATA_DIR is missing; OBSERVER_SIDECARS_FILE is missing",
  );
});

test("ends when it is told to, also while somebody looks", async () => {
  const another = await startObserver();
  const { body } = await fetch(`${another.url}/tap`);
  assert.equal(await another.stop(), 0);
  await body?.cancel().catch(() => {});
  await another.remove();
});

function tap(path: string) {
  const abort = new AbortController();
  const opened = fetch(observer.url + path, { signal: abort.signal });
  const lines = opened.then(({ body }) =>
    createInterface({ input: Readable.fromWeb(body as ReadableStream).on("error", () => {}) })[Symbol.asyncIterator](),
  );
  return {
    opened,
    next: async (): Promise<TapLine> => JSON.parse((await (await lines).next()).value ?? "null"),
    close: () => abort.abort(),
  };
}
