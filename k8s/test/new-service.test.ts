import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { test } from "vitest";
import { renderedFiles } from "../src/profiles.ts";
import { ShopPlan } from "../src/shop.ts";
import { core, field, parse, root, workloads } from "./manifests.ts";

const VALUES = `name: wishes
port: 5071
adminPort: 6071
postgres: true
redis: [durable]
calls: [catalog]
consumes: [shop.catalog.v1.ProductPriceChanged]
secrets: [WISHES_KEY]
env: { WISHES_AT_ONCE: 3 }
replicas: 2
owner: the elves
resources: { requests: { cpu: 50m, memory: 96Mi }, limits: { memory: 256Mi } }
`;

/** A copy of the repository's values files and of what k8s/ has beside code, and whatever else is given. */
function project(files: Readonly<Record<string, string>>): { folder: string; shop: ShopPlan; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "row-k8s-"));
  for (const { folder: service } of discoverServices(root)) {
    const path = join(folder, service.slice(root.length), "service.yaml");
    mkdirSync(dirname(path), { recursive: true });
    cpSync(join(service, "service.yaml"), path);
  }
  for (const path of ["k8s/dashboards", "k8s/alerts"].filter((path) => existsSync(join(root, path)))) {
    cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const publishes = (name: string) => name === "wishes";
  const shop = new ShopPlan({ root: folder, services: discoverServices(folder), publishes });
  return { folder, shop, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

test("a folder is all that a service needs to be in the cluster", (context) => {
  const { shop, remove } = project({ "services/wishes/service.yaml": VALUES, "services/wishes/prisma/seed.ts": "" });
  context.onTestFinished(remove);
  const files = renderedFiles(shop);
  const textOf = (name: string) => files.get(`k8s/rendered/core/${name}.yaml`) ?? "";
  const [deployment, job] = ["wishes", "wishes-migrate"].map((name) => workloads(parse(textOf(name)))[0]);
  assert.equal(deployment?.name, "wishes-v1");
  assert.deepEqual(
    deployment.containers.map(({ name, image }) => `${name} ${image}`),
    ["wait-for-migrations canary-row/wishes:v1", "wishes canary-row/wishes:v1"],
  );
  const told = deployment.pod.containers[0]?.env?.map(({ name }) => name) ?? [];
  for (const name of [
    "DATABASE_URL",
    "REDIS_DURABLE_URL",
    "NATS_USER",
    "CATALOG_ADDRESS",
    "AUTH_ADDRESS",
    "WISHES_KEY",
    "WISHES_AT_ONCE",
  ]) {
    assert.ok(told.includes(name), name);
  }
  assert.deepEqual(
    job?.containers.map(({ name }) => name),
    ["migrate", "seed"],
  );
  const kinds = parse(textOf("wishes")).map(({ kind }) => kind);
  assert.deepEqual(kinds, ["Deployment", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy"]);
  const scaler = parse(textOf("wishes")).find(({ kind }) => kind === "HorizontalPodAutoscaler");
  assert.equal(field(scaler, "spec", "minReplicas"), 2);
  assert.equal(scaler?.metadata.annotations?.["a8r.io/owner"], "the elves");
});

test("and everybody who has to do with it knows of it: stores, callees, Secrets and Jobs", (context) => {
  const { shop, remove } = project({ "services/wishes/service.yaml": VALUES });
  context.onTestFinished(remove);
  const files = renderedFiles(shop);
  const textOf = (name: string) => files.get(`k8s/rendered/${name}`) ?? "";
  assert.match(textOf("core/nats.yaml"), /"user": "wishes"/);
  assert.match(textOf("core/nats.yaml"), /name: NATS_PASSWORD_WISHES/);
  assert.match(textOf("core/nats-streams.yaml"), /wishes=shop.catalog.v1.ProductPriceChanged/);
  assert.match(textOf("core/postgres-databases.yaml"), /canary-row\/databases: .*wishes/);
  assert.match(textOf("core/redis-durable.yaml"), /user %s on #%s ~\* &\* \+@all -@admin -@dangerous\\n' wishes/);
  for (const callee of ["catalog", "auth", "postgres", "nats", "redis-durable"]) {
    assert.match(textOf(`core/${callee}.yaml`), /app.kubernetes.io\/name: wishes }/, callee);
  }
  for (const line of [
    "postgres-roles wishes random",
    "nats-users NATS_PASSWORD_WISHES random",
    "redis-durable PASSWORD_OF_WISHES random",
    "wishes DATABASE_URL postgresql://wishes:{postgres-roles/wishes}@postgres:5432/wishes",
    "wishes REDIS_DURABLE_URL redis://wishes:{redis-durable/PASSWORD_OF_WISHES}@redis-durable:6379",
    "wishes WISHES_KEY random",
  ]) {
    assert.ok(textOf("secrets.txt").split("\n").includes(line), line);
  }
  const others = core(shop).filter(({ metadata }) => !/wishes/.test(metadata.name));
  assert.deepEqual(
    others.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(),
    core()
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
      .sort(),
  );
});

test("values that a cluster would refuse are refused at once, with what to write", (context) => {
  for (const [line, message] of [
    ["replicas: none", /Cannot deploy wishes: "replicas" of its service.yaml must be a number of at least 1/],
    ["resources: { cpu: 250m, memory: 256Mi }", /"resources.requests" of its service.yaml must be \{ cpu: 100m/],
    ["resources: { requests: { cpu: 1, memory: 1GB }, limits: { memory: 1Gi } }", /"resources.requests"/],
    ["resources: { requests: { cpu: 100m, memory: 1Gi } }", /"resources.limits"/],
  ] as const) {
    const { shop, remove } = project({
      "services/wishes/service.yaml": `name: wishes\nport: 5071\nadminPort: 6071\n${line}\n`,
    });
    context.onTestFinished(remove);
    assert.throws(() => renderedFiles(shop), message);
  }
});

test("a service that is gone takes its manifests along", (context) => {
  const { folder, remove } = project({});
  context.onTestFinished(remove);
  rmSync(join(folder, "services/payments"), { recursive: true });
  const gone = new ShopPlan({ root: folder, services: discoverServices(folder), publishes: () => false });
  assert.deepEqual(
    [...renderedFiles(gone).values()].filter((text) => text.includes("name: payments-v1")),
    [],
  );
});
