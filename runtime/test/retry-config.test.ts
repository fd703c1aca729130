import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CatalogServiceService, ListProductsRequest } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { pino } from "pino";
import { afterAll, beforeEach, test } from "vitest";
import { DomainError } from "../src/domain-error.ts";
import { GrpcChannel } from "../src/rpc/client.ts";
import { ServiceConfigFile } from "../src/rpc/retry-config.ts";
import { GrpcServer } from "../src/rpc/server.ts";
import type { RpcError } from "../src/rpc/status.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { SpanKind, startTelemetry } from "../src/telemetry/telemetry.ts";
import { eventually } from "./harness.ts";

const SERVICE = "shop.catalog.v1.CatalogService";
const POLICY = { maxAttempts: 3, initialBackoff: "0.01s", maxBackoff: "0.05s", backoffMultiplier: 2 };
const NONE = JSON.stringify({ methodConfig: [] });

function retried(method: string, changes: Partial<typeof POLICY> = {}): string {
  const retryPolicy = { ...POLICY, ...changes, retryableStatusCodes: ["UNAVAILABLE"] };
  return JSON.stringify({ methodConfig: [{ name: [{ service: SERVICE, method }], retryPolicy }] });
}

const folder = mkdtempSync(join(tmpdir(), "service-config-"));
const file = join(folder, "service-config.json");
const address = `unix:${join(folder, "app.sock")}`;
const warnings: string[] = [];
const warn = { write: (line: string) => void warnings.push(line) };
/** "previous attempts" as each span says, "client 2" or "server 1", in the order in which they were noted. */
const attempts: string[] = [];
const started = startTelemetry({ name: "test", version: "v1", instance: "test-1", endpoint: undefined });
const telemetry: typeof started = {
  ...started,
  startSpan(name, kind, parent) {
    const span = started.startSpan(name, kind, parent);
    const setAttribute: typeof span.setAttribute = (key, value) => {
      if (key === "rpc.grpc.previous_attempts") attempts.push(`${SpanKind[kind].toLowerCase()} ${value}`);
      return span;
    };
    return Object.assign(span, { setAttribute });
  },
};
/** How often each method was begun, and how many of those begins are to fail. */
const begun = { listCategories: 0, listProducts: 0 };
let failing = 0;
let held: Promise<void> | undefined;

async function begin(method: keyof typeof begun): Promise<void> {
  begun[method] += 1;
  await held;
  if (begun[method] <= failing)
    throw new DomainError("unavailable", "DATABASE_UNAVAILABLE", "Cannot answer: try again");
}

const unused = () => Promise.reject(new Error("not in this test"));
const unusedOnce = Object.assign(unused, { isIdempotent: true as const });
function newServer(): GrpcServer {
  const log = createLogger({}, "silent");
  const setup = { telemetry, log, servedBy: "catalog/v1/catalog-v1-1", verifier: undefined, maxConcurrent: 100 };
  return new GrpcServer(setup).add(CatalogServiceService, {
    batchGetProducts: unused,
    listCategories: () => begin("listCategories").then(() => ({ categories: [] })),
    getProduct: unused,
    listProducts: () => begin("listProducts").then(() => ({ products: [], nextPageToken: "" })),
    searchProducts: unused,
    createProduct: unusedOnce,
    updateProduct: unused,
    changePrice: unusedOnce,
  });
}

/** As the mesh writes it: whole or not at all. */
function write(config: string): void {
  writeFileSync(`${file}.new`, config);
  renameSync(`${file}.new`, file);
}

write(retried("ListCategories"));
const server = newServer();
await server.listen(address);
const serviceConfig = new ServiceConfigFile(file, pino({ level: "warn" }, warn));
const channel = new GrpcChannel({ name: "edge", telemetry, claimsIdentity: true, serviceConfig }, address);
const catalog = channel.client(CatalogServiceService);
afterAll(async () => {
  channel.close();
  serviceConfig.close();
  await server.drain(100);
  await telemetry.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  begun.listCategories = 0;
  begun.listProducts = 0;
  failing = 0;
  held = undefined;
});

const list = () => catalog.listCategories({});
const page = () => catalog.listProducts(ListProductsRequest.fromPartial({}));

/** Resolves when calls go by this config. */
async function changeTo(config: string): Promise<void> {
  write(config);
  await eventually("the file is followed", () => serviceConfig.current === config);
  await sleep(100); // the new connection takes over
}

test("a method with a policy is tried again when it is UNAVAILABLE, as often as the policy says", async () => {
  failing = 2;
  await list();
  assert.equal(begun.listCategories, 3);
  begun.listCategories = 0;
  failing = 3;
  await assert.rejects(list(), { code: 14 });
  assert.equal(begun.listCategories, 3);
});

test("a method without a policy is tried once", async () => {
  failing = 1;
  await assert.rejects(page(), { code: 14 });
  assert.equal(begun.listProducts, 1);
});

test("retries end with the call's deadline", async () => {
  failing = Number.POSITIVE_INFINITY;
  held = sleep(60);
  const startedAt = performance.now();
  await assert.rejects(catalog.listCategories({}, { timeoutMs: 40 }), { code: 4 });
  assert.ok(performance.now() - startedAt < 500);
  await sleep(150);
  assert.equal(begun.listCategories, 1);
});

test("a call that was tried again is counted once, and its spans say how often it was tried", async () => {
  const count = async () => {
    const text = await telemetry.metricsText();
    const line = /rpc_client_call_duration_seconds_count\{[^}]*ListCategories[^}]*code="OK"[^}]*\} (\d+)/.exec(text);
    return Number(line?.[1] ?? 0);
  };
  const before = await count();
  failing = 2;
  attempts.length = 0;
  await list();
  assert.equal((await count()) - before, 1);
  assert.deepEqual(attempts, ["server 1", "server 2", "client 2"]);
});

test("a change of the file is followed without a failed call", async () => {
  let isOver = false;
  let calls = 0;
  const stream = (async () => {
    for (; !isOver; calls++) await page();
  })();
  await changeTo(retried("ListProducts"));
  isOver = true;
  await stream;
  assert.ok(calls > 10);
  begun.listProducts = 0;
  failing = 1;
  await page();
  assert.equal(begun.listProducts, 2);
  await assert.rejects(list(), { code: 14 });
});

test("a call in flight, and its retries, outlive a change of the file", async () => {
  await changeTo(retried("ListCategories"));
  let go = () => {};
  held = new Promise((resolve) => {
    go = resolve;
  });
  failing = 2;
  const call = list();
  await eventually("it has begun", () => begun.listCategories === 1);
  await changeTo(NONE);
  go();
  await call;
  assert.equal(begun.listCategories, 3);
});

test("a policy may ask for more attempts than grpc-js makes by itself", async () => {
  await changeTo(retried("ListCategories", { maxAttempts: 8, maxBackoff: "0.01s" }));
  failing = 7;
  await list();
  assert.equal(begun.listCategories, 8);
});

test("a broken file changes nothing and is logged", async () => {
  await changeTo(retried("ListCategories"));
  for (const broken of ["{", '{"methodConfig":[{"name":[{"service":"a"}],"retryPolicy":{"maxAttempts":1}}]}']) {
    warnings.length = 0;
    write(broken);
    await eventually("it is logged", () => warnings.some((line) => line.includes("the last good one stays")));
  }
  failing = 1;
  await list();
  assert.equal(begun.listCategories, 2);
});

test("a file that comes later is followed", async () => {
  rmSync(file);
  const late = new ServiceConfigFile(file, pino({ level: "warn" }, warn));
  assert.equal(late.current, undefined);
  write(NONE);
  await eventually("it is read", () => late.current === NONE);
  late.close();
});

test("the socket can be opened by its owner only", () => {
  assert.equal(statSync(address.slice("unix:".length)).mode & 0o777, 0o600);
});

test("a peer that comes back on its socket is found within moments", async () => {
  const path = `unix:${join(folder, "peer.sock")}`;
  const peers = new GrpcChannel({ name: "edge", telemetry, claimsIdentity: true }, path);
  const codeOf = (call: Promise<unknown>) => call.then(() => 0).catch((error: RpcError) => error.code);
  const call = () => codeOf(peers.client(CatalogServiceService).listCategories({}));
  for (let round = 0; round < 3; round++) {
    const peer = newServer();
    await peer.listen(path);
    await eventually("it answers", async () => (await call()) === 0, 2);
    await peer.drain(0);
    await eventually("it is gone", async () => (await call()) === 14, 2);
  }
  peers.close();
});
