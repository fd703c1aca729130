import assert from "node:assert/strict";
import { test } from "vitest";
import type { Contracts } from "../../src/lint/contracts.ts";
import { lint } from "../../src/lint/lint.ts";
import { readManifests } from "../../src/resources/manifest.ts";

const contracts: Contracts = [
  { service: "a.Orders", name: "Get", isStreaming: false, isIdempotent: true },
  { service: "a.Orders", name: "Place", isStreaming: false, isIdempotent: false },
  { service: "a.Orders", name: "Updates", isStreaming: true, isIdempotent: true },
];

function route(name: string, annotations: string, match: string): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: ${name}, namespace: shop, annotations: { ${annotations} } }
spec:
  parentRefs: [{ group: core, kind: Service, name: orders, port: 50051 }]
  rules: [{ ${match && `matches: [${match}], `}backendRefs: [{ name: orders, port: 50051 }] }]
`;
}
const ALL = "{ method: { service: a.Orders } }";
const STREAM = "{ method: { service: a.Orders, method: Updates } }";
const PLACE = "{ method: { service: a.Orders, method: Place } }";
const TIMEOUT = "timeout.linkerd.io/request: 2s";
const RETRY = "retry.linkerd.io/grpc: unavailable";

function messages(known: Contracts | undefined, ...documents: string[]): string[] {
  const catchAll = route("catch-all", "", "");
  const { manifests } = readManifests([...documents, catchAll].join("---\n"), "a.yaml");
  return lint(manifests, { contracts: known }).map(({ rule, message }) => `${rule}: ${message}`);
}

test("a stream with a route of its own is not cut by the timeout of the service's other route", () => {
  assert.deepEqual(messages(contracts, route("orders", TIMEOUT, ALL), route("streams", "", STREAM)), []);
  const cut = "timeout-over-stream: GRPCRoute orders times out the stream a.Orders/Updates";
  assert.deepEqual(messages(contracts, route("orders", TIMEOUT, ALL)), [cut]);
});

test("a stream is also cut by the timeout that its route inherits from the Service", () => {
  const service = `apiVersion: v1\nkind: Service\nmetadata: { name: orders, namespace: shop, annotations: { ${TIMEOUT} } }
spec: { selector: { app: orders }, ports: [{ port: 50051 }] }\n`;
  const cut = "timeout-over-stream: Service orders times out the stream a.Orders/Updates";
  assert.deepEqual(messages(contracts, service, route("orders", "", ALL)), [cut]);
  assert.deepEqual(messages(contracts, service, route("orders", "timeout.linkerd.io/idle: 1m", STREAM)), [
    "timeout-over-stream: GRPCRoute orders times out the stream a.Orders/Updates",
  ]);
});

test("a stream that only a header sends to a route with a timeout is cut as well", () => {
  const byHeader = `{ method: { service: a.Orders }, headers: [{ name: x-canary, value: "1" }] }`;
  assert.deepEqual(messages(contracts, route("canary", TIMEOUT, byHeader), route("orders", "", ALL)), [
    "timeout-over-stream: GRPCRoute canary times out the stream a.Orders/Updates",
  ]);
});

test("without contracts, a name such as Watch… is taken for a stream, and nothing else is", () => {
  const watch = "{ method: { service: b.Orders, method: WatchOrder } }";
  const cut = "timeout-over-stream: GRPCRoute watch times out the stream b.Orders/WatchOrder";
  assert.deepEqual(messages(undefined, route("watch", TIMEOUT, watch)), [cut]);
  assert.deepEqual(messages(undefined, route("watch", TIMEOUT, watch.replace("WatchOrder", "Watches"))), []);
  assert.deepEqual(messages(undefined, route("place", RETRY, PLACE)), []);
});

test("only retries of what may have been carried out are named", () => {
  const twice = "retry-not-idempotent: GRPCRoute orders retries a.Orders/Place";
  assert.deepEqual(messages(contracts, route("orders", RETRY, ALL)), [twice]);
  assert.deepEqual(messages(contracts, route("orders", "retry.linkerd.io/timeout: 1s", ALL)), [twice]);
  assert.deepEqual(messages(contracts, route("orders", RETRY, ALL), route("place", "", PLACE)), []);
  assert.deepEqual(messages(contracts, route("orders", 'retry.linkerd.io/limit: "2"', ALL)), []);
});

test("what has the same name in another namespace is something else", () => {
  const elsewhere = (text: string) => text.replaceAll("namespace: shop", "namespace: other");
  const split = (name: string, weight: number) =>
    route(name, "", ALL).replace("50051 }] }]", `50051, weight: ${weight} }, { name: v2, port: 50051 }] }]`);
  const two = [split("orders", 1), split("more-orders", 2)] as const;
  assert.equal(messages(contracts, ...two).length, 1);
  assert.deepEqual(messages(contracts, two[0], elsewhere(two[1])), [
    "no-catch-all: no GRPCRoute of Service orders takes what the others do not match",
  ]);
});
