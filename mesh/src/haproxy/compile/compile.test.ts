import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { labelsOf } from "@row/runtime/names.ts";
import { test } from "vitest";
import { resources, route, server, services, to } from "../../../test/manifests.ts";
import type { MeshView, Workload } from "../workload.ts";
import { type CompiledSidecar, compile } from "./compile.ts";
import { sidecarFiles } from "./files.ts";
import { CompileError } from "./unsupported.ts";

function workload(service: string, version: string, plan: Partial<Workload> = {}): Workload {
  const instance = `${service}-${version}-1`;
  return {
    instance,
    service,
    version,
    account: service,
    labels: labelsOf(service, version),
    isReady: true,
    calls: [],
    laptopPorts: [],
    appSocket: `/row/${instance}/app.sock`,
    inboundPort: 7_051,
    sidecar: {
      folder: `/row/${instance}`,
      anchor: "/row/anchor.crt",
      certificate: `/row/${instance}/identity.pem`,
      statsSocket: `/row/${instance}/stats.sock`,
      outboundSockets: { catalog: `/row/${instance}/catalog.sock` },
      logAddress: "127.0.0.1:7500",
    },
    ...plan,
  };
}

const cart = workload("cart", "v1", { calls: ["catalog"] });

function view(texts: readonly string[], plan: { isReady?: boolean; replicas?: number } = {}): MeshView {
  const { isReady = true, replicas = 1 } = plan;
  const second = Array.from({ length: replicas }, (_, index) =>
    workload("catalog", "v2", { instance: `catalog-v2-${index + 1}`, isReady }),
  );
  const given = resources(services("catalog", "v1", "v2"), services("cart"), ...texts);
  return { resources: given, workloads: [workload("catalog", "v1"), ...second, cart] };
}

function split(v1: number, v2: number): string {
  return route("catalog", "catalog", [`{ ${to(`catalog-v1=${v1}`, `catalog-v2=${v2}`)} }`]);
}

function compiled(texts: readonly string[], plan?: Parameters<typeof view>[1]): CompiledSidecar {
  return compile(view(texts, plan), cart);
}

/** The messages of what cannot be done. */
function problemsWith(...texts: readonly string[]): string {
  try {
    compiled(texts);
  } catch (error) {
    assert.ok(error instanceof CompileError);
    return error.message;
  }
  return "";
}

/** The parts that differ. */
function changed(from: CompiledSidecar, to: CompiledSidecar): string[] {
  const parts = Object.keys(to) as (keyof CompiledSidecar)[]; // its keys, by its type
  return parts.filter((part) => !isDeepStrictEqual(from[part], to[part]));
}

test("other weights change the weights alone, which the stats socket can change too", () => {
  const to = compiled([split(90, 10)]);
  assert.deepEqual(changed(compiled([split(1, 0)]), to), ["weights"]);
  assert.deepEqual(to.weights, { "catalog:catalog:0:catalog-v1": 90, "catalog:catalog:0:catalog-v2": 10 });
  assert.equal(
    sidecarFiles(to)["weights.map"]?.replace(/^#.*\n/, ""),
    "catalog:catalog:0:catalog-v1 90\ncatalog:catalog:0:catalog-v2 10\n",
  );
});

test("who is ready changes the servers alone: an instance that is not is there, and out from the start", () => {
  const to = compiled([split(1, 0)], { isReady: false });
  assert.deepEqual(changed(compiled([split(1, 0)]), to), ["servers"]);
  const backend = "catalog:catalog:0:catalog-v2";
  assert.deepEqual(
    to.servers.filter((one) => one.backend === backend),
    [{ backend, server: "catalog-v2-1", port: 7_051, isReady: false }],
  );
  assert.match(
    sidecarFiles(to)["servers.state"] ?? "",
    /^0 catalog:catalog:0:catalog-v2 0 catalog-v2-1 127\.0\.0\.1 0 1 /m,
  );
});

test("each rule and Service is a backend of its own; a Service without routes has one", () => {
  const { servers, weights } = compiled([split(1, 3)]);
  const backends = (all: CompiledSidecar["servers"]) => all.map(({ backend }) => backend);
  assert.deepEqual(backends(servers), ["catalog:catalog:0:catalog-v1", "catalog:catalog:0:catalog-v2"]);
  assert.deepEqual(Object.values(weights), [1, 3]);
  assert.deepEqual(new Set(backends(compiled([]).servers)), new Set(["catalog:default:0:catalog"]));
  assert.deepEqual(compiled([]).weights, {});
});

test("what sidecars cannot do is named, with file and line", () => {
  const all = `{ ${to("catalog-v1")} }`;
  assert.equal(problemsWith(split(1, 1), server("catalog")), "");
  assert.match(
    problemsWith(route("a", "catalog", [`{ ${to("catalog-v9")} }`])),
    /^test\.yaml:\d+: Cannot use GRPCRoute shop\/a, spec\.rules\[0\]\.backendRefs\[0\]: there is no Service catalog-v9$/,
  );
  assert.match(problemsWith(route("a", "carts", [all])), /parentRefs\[0\]: there is no Service carts/);
  assert.match(
    problemsWith(route("a", "catalog", [all.replace("50051", "9090")])),
    /Service catalog-v1 has no port 9090/,
  );
  assert.match(
    problemsWith(route("a", "catalog", [all], { "retry.linkerd.io/timeout": "1s" })),
    /retry\.linkerd\.io\/timeout/,
  );
  const often = { "retry.linkerd.io/grpc": "unavailable", "retry.linkerd.io/limit": "65535" };
  assert.equal(problemsWith(route("a", "catalog", [all], often)), "", "any limit that Linkerd takes is taken");
  assert.match(problemsWith(server("catalog", { protocol: "HTTP/1" })), /spec\.proxyProtocol: it is HTTP\/1/);
  assert.match(
    problemsWith(server("catalog"), server("catalog").replace("catalog-grpc", "catalog-too")),
    /Server shop\/catalog-too, spec\.podSelector: it selects catalog-v\d-1, and so does Server shop\/catalog-grpc/,
  );
  const limit = `
apiVersion: policy.linkerd.io/v1alpha1
kind: HTTPLocalRateLimitPolicy
metadata: { name: l, namespace: shop }
spec:
  targetRef: { group: policy.linkerd.io, kind: Server, name: catalog-grpc }
  total: { requestsPerSecond: 1 }`;
  assert.match(problemsWith(server("catalog"), limit), /proxyProtocol gRPC, for which Linkerd has no rate limits/);
  assert.equal(problemsWith(server("catalog", { protocol: "HTTP/2" }), limit), "");
});

test("all of it is named at once", () => {
  const wrong = (name: string) => route(name, "catalog", [`{ ${to("catalog-v9")} }`]);
  assert.equal(problemsWith(wrong("a"), wrong("b"), server("catalog", { protocol: "TLS" })).split("\n").length, 3);
});
