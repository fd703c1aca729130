import assert from "node:assert/strict";
import { ResourceQuota } from "kubernetes-models/v1";
import { test } from "vitest";
import { core, field, type KubeObject, type Workload, workloads } from "./manifests.ts";

const GIB = 1024 ** 3;
const objects = core();
const namespace = objects.find(({ kind }) => kind === "Namespace");

test("core asks for less than 3 GiB, with every sidecar, and while every Job runs", () => {
  const sum = workloads(objects).reduce((total, workload) => total + requestOf(workload), 0);
  assert.ok(sum < 3 * GIB, `${(sum / 1024 ** 2).toFixed(0)} MiB`);
  assert.ok(sum > GIB, `${sum} is too little to be true`);
});

test("core asks for less CPU than a laptop's two cores", () => {
  const sum = workloads(objects).reduce((total, workload) => total + cpuOf(workload), 0);
  assert.ok(sum > 0.5 && sum < 2, String(sum));
});

test("every container, and by its namespace every sidecar, says what it takes and where it ends", () => {
  for (const { name, containers } of workloads(objects)) {
    for (const { resources, name: container } of containers) {
      const where = `${name} ${container}`;
      assert.ok(bytes(field(resources, "requests", "memory")) > 0, where);
      assert.ok(bytes(field(resources, "limits", "memory")) >= bytes(field(resources, "requests", "memory")), where);
      assert.ok(cores(field(resources, "requests", "cpu")) > 0, where);
    }
  }
  for (const [request, limit] of [["proxy-memory-request", "proxy-memory-limit"]]) {
    assert.ok(bytes(annotation(`${request}`)) > 0 && bytes(annotation(`${limit}`)) > bytes(annotation(`${request}`)));
  }
  assert.ok(cores(annotation("proxy-cpu-request")) > 0);
});

test("the quota holds core twice: a second version of everything, or a rollout of all of it at once", () => {
  const quota = objects.find((object) => ResourceQuota.is(object));
  const hard = (name: string) => field(quota, "spec", "hard", name);
  const all = workloads(objects);
  assert.ok(bytes(hard("requests.memory")) > 2 * all.reduce((sum, workload) => sum + requestOf(workload), 0));
  assert.ok(cores(hard("requests.cpu")) > 2 * all.reduce((sum, workload) => sum + cpuOf(workload), 0));
  const limits = all.reduce(
    (sum, workload) =>
      sum +
      sumOf(
        workload,
        (container) => bytes(field(container, "resources", "limits", "memory")),
        bytes(annotation("proxy-memory-limit")),
      ),
    0,
  );
  assert.ok(bytes(hard("limits.memory")) > 2 * limits, String(limits / GIB));
  const claims = objects.flatMap((object) => (field(object, "spec", "volumeClaimTemplates") ? [object] : []));
  const storage = claims.reduce(
    (sum, claim) =>
      sum + bytes(field(claim, "spec", "volumeClaimTemplates", 0, "spec", "resources", "requests", "storage")),
    0,
  );
  assert.ok(bytes(hard("requests.storage")) >= storage && claims.length <= Number(hard("persistentvolumeclaims")));
});

function annotation(name: string): unknown {
  return namespace?.metadata.annotations?.[`config.linkerd.io/${name}`];
}

const requestOf = (workload: Workload) =>
  sumOf(
    workload,
    (container) => bytes(field(container, "resources", "requests", "memory")),
    bytes(annotation("proxy-memory-request")),
  );

const cpuOf = (workload: Workload) =>
  sumOf(
    workload,
    (container) => cores(field(container, "resources", "requests", "cpu")),
    cores(annotation("proxy-cpu-request")),
  );

/** As the scheduler counts: the containers' sum or the largest init container, and the sidecar beside either. */
function sumOf({ pod, isMeshed }: Workload, of: (container: object) => number, sidecar: number): number {
  const running = pod.containers.reduce((sum, container) => sum + of(container), 0);
  const largest = Math.max(0, ...(pod.initContainers ?? []).map(of));
  return Math.max(running, largest) + (isMeshed ? sidecar : 0);
}

/** "256Mi" */
function bytes(quantity: unknown): number {
  const [, number = "", unit = ""] = /^(\d+)(Ki|Mi|Gi)?$/.exec(String(quantity)) ?? [];
  return Number(number) * 1024 ** ["", "Ki", "Mi", "Gi"].indexOf(unit);
}

/** "250m" */
function cores(quantity: unknown): number {
  const [, number = "", milli] = /^(\d+)(m)?$/.exec(String(quantity)) ?? [];
  return Number(number) / (milli ? 1_000 : 1);
}

test("replicas are the autoscaler's to count, and it finds every Deployment of a service", () => {
  const scaled = objects.filter(({ kind }) => kind === "HorizontalPodAutoscaler");
  for (const scaler of scaled) {
    const target = objects.find(
      (object: KubeObject) =>
        object.kind === "Deployment" && object.metadata.name === field(scaler, "spec", "scaleTargetRef", "name"),
    );
    assert.ok(target, scaler.metadata.name);
    assert.equal(field(target, "spec", "replicas"), undefined);
    const container = field(scaler, "spec", "metrics", 0, "containerResource", "container");
    assert.equal(field(target, "spec", "template", "spec", "containers", 0, "name"), container);
    assert.ok(Number(field(scaler, "spec", "minReplicas")) < Number(field(scaler, "spec", "maxReplicas")));
  }
  assert.equal(scaled.length, workloads(objects).filter(({ name }) => /-v1$/.test(name)).length);
});
