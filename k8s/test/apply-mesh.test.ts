// k8s/apply-mesh.sh and row with the real kubectl, on a stand-in for the API server.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeEach, type TestContext, test } from "vitest";
import { startApi } from "./api-stand-in.ts";
import { field, list, mesh, root } from "./manifests.ts";

const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;
const WEIGHTS = { v1: 90, v2: 10 };

beforeEach((context) => context.skip(!hasKubectl, "there is no kubectl on the PATH"));

test("applies everything to an empty cluster, and once more without a change", async (context) => {
  const { api, apply } = await cluster(context);
  await apply();
  assert.equal(api.objects.size, mesh().length);
  const said = () => [...api.objects].map(([path, { spec }]) => ({ path, spec }));
  const before = structuredClone(said());
  assert.doesNotMatch(await apply(), /created/);
  assert.deepEqual(said(), before);
});

test("keeps a split through every further run, also in a route that is new since, and changes what the files change", async (context) => {
  const { api, apply, route, split } = await cluster(context);
  await apply();
  split("catalog");
  api.objects.delete("grpcroutes/catalog-normal");
  const retried = route("catalog-fast-retried");
  retried.metadata.annotations = { ...Object(retried.metadata.annotations), "timeout.linkerd.io/request": "9s" };

  await apply();
  for (const name of ["catalog-fast-retried", "catalog-normal-retried", "catalog-normal", "catalog-other"]) {
    assert.deepEqual(weightsOf(route(name)), WEIGHTS, name);
  }
  assert.equal(field(route("catalog-fast-retried"), "metadata", "annotations", "timeout.linkerd.io/request"), "500ms");
  assert.deepEqual(weightsOf(route("orders-other")), { v1: 1 });
});

test("reads a route again when a split comes in between, and does not undo it", async (context) => {
  const { api, apply, route, split } = await cluster(context);
  await apply();
  let isFirst = true;
  // The script has read all routes by then.
  api.onRead = (path) => {
    if (path !== "grpcroutes/catalog-other" || !isFirst) return;
    isFirst = false;
    split("catalog");
  };
  await apply();
  assert.equal(isFirst, false);
  assert.deepEqual(weightsOf(route("catalog-other")), WEIGHTS);
});

test("takes away what the files do not have any more, and nothing that was not generated", async (context) => {
  const { api, apply } = await cluster(context);
  await apply();
  const all = [...api.objects.keys()].sort();
  for (const [name, from, labels] of [
    ["authorizationpolicies/gone", "authorizationpolicies/catalog-for-edge-and-toolbox", undefined],
    ["grpcroutes/gone", "grpcroutes/catalog-other", undefined],
    ["servers/gone", "servers/catalog-grpc", undefined],
    ["grpcroutes/somebodys", "grpcroutes/catalog-other", { "app.kubernetes.io/part-of": "canary-row" }],
  ] as const) {
    const object = structuredClone(api.objects.get(from));
    assert.ok(object, from);
    object.metadata.name = name.split("/")[1] ?? "";
    if (labels) object.metadata.labels = labels;
    api.objects.set(name, object);
  }
  await apply();
  assert.deepEqual([...api.objects.keys()].sort(), [...all, "grpcroutes/somebodys"].sort());
});

test("changes nothing when the cluster cannot be read", async (context) => {
  const { api, apply, route, split } = await cluster(context);
  await apply();
  split("catalog");
  api.onList = (plural) => plural !== "grpcroutes";
  await assert.rejects(apply());
  assert.deepEqual(weightsOf(route("catalog-other")), WEIGHTS);
});

test("what it is for: a plain apply of the files undoes a split", async (context) => {
  const { apply, run, route, split } = await cluster(context);
  await apply();
  await apply();
  split("catalog");
  await run("kubectl", "apply", "-f", "mesh/routes/catalog.yaml");
  assert.deepEqual(weightsOf(route("catalog-other")), { v1: 1 });
});

test("row splits through the real kubectl, and a further run keeps it", async (context) => {
  const { api, apply, row, route } = await cluster(context);
  await apply();
  for (const version of ["v1", "v2"]) {
    const labels = { "app.kubernetes.io/name": "catalog", "app.kubernetes.io/version": version };
    const about = { namespace: "shop", resourceVersion: "1" };
    const status = { conditions: [{ type: "Ready", status: "True" }] };
    api.objects.set(`pods/${version}`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: version, labels, ...about },
      status,
    });
    const spec = { selector: labels, ports: [{ name: "grpc", port: 50051 }] };
    const service = { metadata: { name: `catalog-${version}`, ...about }, spec };
    api.objects.set(`services/catalog-${version}`, { apiVersion: "v1", kind: "Service", ...service });
  }
  const orders = structuredClone(route("orders-other"));
  assert.match(await row("split", "catalog", "v1=90", "v2=10"), /^4 routes +v1=90 \(90 %\) +v2=10 \(10 %\)$/m);
  assert.deepEqual(route("orders-other"), orders);
  await apply();
  for (const name of ["catalog-fast-retried", "catalog-normal", "catalog-other"])
    assert.deepEqual(weightsOf(route(name)), WEIGHTS);
  assert.match(await row("get", "grpcroute", "catalog-other"), /catalog-v1=90 catalog-v2=10/);
});

async function cluster(context: TestContext) {
  const api = await startApi();
  context.onTestFinished(() => api.close());
  const run = async (command: string, ...args: string[]) => {
    const env = { ...process.env, KUBECONFIG: api.kubeconfig, KUBECACHEDIR: `${api.kubeconfig}.cache` };
    const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
    const [output, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    assert.equal(code, 0, complaint);
    return output;
  };
  const route = (name: string) => {
    const found = api.objects.get(`grpcroutes/${name}`);
    assert.ok(found, name);
    return found;
  };
  let revision = 1000;
  /** As `row split SERVICE v1=90 v2=10` does. */
  const split = (service: string) => {
    for (const [path, object] of api.objects) {
      if (!path.startsWith("grpcroutes/") || field(object, "spec", "parentRefs", 0, "name") !== service) continue;
      const backendRefs = Object.entries(WEIGHTS).map(([version, weight]) => ({
        group: "",
        kind: "Service",
        name: `${service}-${version}`,
        port: 50051,
        weight,
      }));
      const rules = list(object, "spec", "rules").map((rule) => ({ ...Object(rule), backendRefs }));
      const metadata = { ...object.metadata, resourceVersion: String(revision++) };
      api.objects.set(path, { ...object, metadata, spec: { ...Object(object.spec), rules } });
    }
  };
  const row = (...args: string[]) =>
    run(process.execPath, join(root, "cli/src/main.ts"), "--on", "kubernetes", ...args);
  return { api, run, row, route, split, apply: () => run(join(root, "k8s/apply-mesh.sh")) };
}

/** {"v1": 90, "v2": 10}; what all rules agree on. */
function weightsOf(route: object): Record<string, unknown> {
  const [first, ...others] = list(route, "spec", "rules").map((rule) =>
    Object.fromEntries(
      list(rule, "backendRefs").map((ref) => [String(field(ref, "name")).replace(/^.*-/, ""), field(ref, "weight")]),
    ),
  );
  for (const other of others) assert.deepEqual(other, first);
  return first ?? {};
}
