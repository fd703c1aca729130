import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "@row/mesh/haproxy/compile/compile.ts";
import { RuntimeApi } from "@row/mesh/haproxy/data-plane/runtime-api.ts";
import type { Workload } from "@row/mesh/haproxy/workload.ts";
import { openTrustAnchor, writeCertificate } from "@row/mesh/identity/trust-anchor.ts";
import { readResources } from "@row/mesh/resources/read.ts";
import { labelsOf } from "@row/runtime/names.ts";
import { afterAll, beforeAll, test } from "vitest";
import { type IsWanted, Sidecar } from "../src/sidecars/sidecar.ts";
import { findPrograms } from "../src/stores/programs.ts";
import { RunRecord } from "../src/supervisor/run-record.ts";
import { SupervisedProcess } from "../src/supervisor/supervised-process.ts";

const { resources } = readResources(
  `apiVersion: v1
kind: Service
metadata: { name: catalog }
spec: { selector: { app.kubernetes.io/name: catalog }, ports: [{ port: 50051 }] }
`,
  "a.yaml",
);
const RETRIED = readResources(
  `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: catalog, annotations: { retry.linkerd.io/limit: "2" } }
spec:
  parentRefs: [{ group: core, kind: Service, name: catalog, port: 50051 }]
  rules: [{}]
`,
  "a.yaml",
).resources;

const folder = mkdtempSync(join(tmpdir(), "sidecar-"));
const stateDir = join(folder, "state");
/** What the supervisor says of each endpoint: undefined is what the observer's circuit breaker took out. */
const wanted = new Map<string, boolean | undefined>();
const isWanted: IsWanted = (endpoint) => wanted.get(endpoint);
const cart = workload("cart", "v1", ["catalog"]);
const view = {
  resources,
  workloads: [cart, ...["v1", "v2"].map((version) => ({ ...workload("catalog", version, []), inboundPort: 7_051 }))],
};
let sidecar: Sidecar;

function workload(service: string, version: string, calls: readonly string[]): Workload {
  const instance = `${service}-${version}-1`;
  return {
    instance,
    service,
    version,
    account: service,
    labels: labelsOf(service, version),
    isReady: false,
    calls,
    laptopPorts: [],
    sidecar: {
      folder: join(folder, instance),
      anchor: join(folder, "anchor/anchor.crt"),
      certificate: join(folder, `${instance}.pem`),
      statsSocket: join(folder, `${instance}.sockets/stats.sock`),
      outboundSockets: Object.fromEntries(calls.map((callee) => [callee, join(folder, `${callee}.sock`)])),
      logAddress: "127.0.0.1:9",
    },
  };
}

/** By endpoint, whether calls go there, asked before anybody has told the process anything. */
async function isIn(): Promise<Record<string, boolean>> {
  const { weights, certificate, statsSocket } = { ...cart.sidecar, weights: `${cart.sidecar.folder}/weights.map` };
  const { servers } = await new RuntimeApi(statsSocket).doings(weights, certificate);
  return Object.fromEntries([...servers].map(([name, isOut]) => [name.split("/")[1] ?? "", !isOut]));
}

beforeAll(async () => {
  mkdirSync(join(stateDir, "logs"), { recursive: true });
  const anchor = await openTrustAnchor(join(folder, "anchor"));
  assert.equal(anchor.certificatePath, cart.sidecar.anchor);
  await writeCertificate(cart.sidecar.certificate, (await anchor.issue({ account: "cart" })).pem);
  const record = new RunRecord(stateDir);
  const { haproxy } = await findPrograms(["haproxy"]);
  sidecar = new Sidecar(cart, haproxy, stateDir, isWanted, (spec) => new SupervisedProcess(spec, record, () => {}));
  sidecar.want(compile(view, cart));
});

afterAll(async () => {
  await sidecar.process.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("starts with those out who may not be called now", async () => {
  wanted.set("catalog-v1-1", true).set("catalog-v2-1", false);
  sidecar.process.start();
  await sidecar.process.whenReady(10_000);
  assert.deepEqual(await isIn(), { "catalog-v1-1": true, "catalog-v2-1": false });
});

test("one that is killed comes back knowing who may be called since", async () => {
  wanted.set("catalog-v1-1", false).set("catalog-v2-1", true);
  const { pid } = sidecar.process;
  sidecar.process.kill("SIGKILL");
  while (sidecar.process.pid === pid) await new Promise((resolve) => setTimeout(resolve, 5));
  await sidecar.process.whenReady(10_000);
  assert.deepEqual(await isIn(), { "catalog-v1-1": false, "catalog-v2-1": true });
});

test("a reload lets in nobody who is out, whoever took them out", async () => {
  wanted.set("catalog-v1-1", false).set("catalog-v2-1", undefined);
  sidecar.want(compile({ ...view, resources: [...resources, ...RETRIED] }, cart));
  await sidecar.sync();
  assert.deepEqual(await isIn(), { "catalog-v1-1": false, "catalog-v2-1": false });
  wanted.set("catalog-v2-1", true);
  await sidecar.sync();
  assert.deepEqual(await isIn(), { "catalog-v1-1": false, "catalog-v2-1": true }, "and they come back as before");
});
