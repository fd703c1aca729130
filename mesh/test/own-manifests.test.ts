import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { basename, resolve } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { loadResources } from "../src/resources/read.ts";
import { SidecarLab } from "./sidecar-lab.ts";

const mesh = resolve(import.meta.dirname, "..");
const routed = readdirSync(resolve(mesh, "routes")).map((file) => basename(file, ".yaml"));

let lab: SidecarLab;

beforeAll(async () => {
  lab = await SidecarLab.open();
  lab.resources = loadResources(["services", "policy", "routes"].map((folder) => resolve(mesh, folder)));
  for (const service of routed) await lab.add({ service, laptopPorts: 1, calls: routed });
  await lab.add({ service: "edge", hasHttp: true, laptopPorts: 2, calls: routed });
  await lab.add({ service: "toolbox", isToolbox: true, calls: routed });
});

afterAll(() => lab.close());

test("HAProxy takes what the project's own manifests compile to, for every workload", async () => {
  for (const workload of lab.workloads) await lab.write(workload, lab.compile(workload));
  assert.ok(routed.length >= 5);
});

test("the folder mesh/ as a whole is what can be applied: tests and experiments in it are no resources", () => {
  const names = (resources: readonly { readonly kind: string; readonly metadata: { readonly name: string } }[]) =>
    resources.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted();
  assert.deepEqual(names(loadResources([mesh])), names(lab.resources));
});

test("every call of every workload has an endpoint to go to", () => {
  for (const workload of lab.workloads) {
    const { servers } = lab.compile(workload);
    const callees = new Set(servers.map(({ backend }) => backend.split(":")[0]));
    assert.deepEqual([...callees].sort(), [...routed].sort());
    assert.equal(new Set(servers.map(({ backend }) => backend)).size, servers.length, "one for each backend");
  }
});

test("every sidecar of a service denies whom no policy names", () => {
  for (const workload of lab.workloads.filter(({ service }) => routed.includes(service))) {
    const configuration = lab.compile(workload).configuration;
    const [, inbound = ""] = configuration.split("frontend in:grpc");
    assert.match(inbound, /denied\.http if !\{ var\(txn\.policy\) -m found \}/);
    assert.match(
      inbound,
      /set-var\(txn\.policy\) str\(\S+\) if \{ var\(txn\.route\) -m str \S+ \} \{ var\(txn\.caller\) /,
    );
    assert.doesNotMatch(inbound, /set-var\(txn\.policy\) str\(\S+\)$/m, "nobody is let in without a condition");
  }
});
