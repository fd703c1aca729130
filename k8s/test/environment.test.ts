import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { address, parseEnv, type Variable } from "@row/runtime/config.ts";
import { addressVariable } from "@row/runtime/names.ts";
import { databaseVariables, eventVariables, processVariables } from "@row/runtime/variables.ts";
import { isCallable } from "@row/topology/service-manifest.ts";
import type { IContainer, IEnvVar } from "kubernetes-models/v1";
import { test } from "vitest";
import { core, shop, workload } from "./manifests.ts";

for (const service of shop.meshed) {
  test(`${service.name} is told everything that its configuration asks for, and nothing that it does not read`, async () => {
    const own = await variablesOf(service.folder);
    const container = containerOf(`${service.name}-v1`, service.name);
    const clients = Object.fromEntries(
      clientsIn(service.folder).map((callee) => [`${callee}Address`, address(addressVariable(callee))]),
    );
    const read = { ...processVariables, ...own, ...clients };
    const known = Object.values(read).map(({ name }) => name);
    const told = (container.env ?? []).map(({ name }) => name);
    assert.deepEqual(
      told.filter((name) => !known.includes(name)),
      [],
    );
    assert.equal(new Set(told).size, told.length);
    const config: Readonly<Record<string, unknown>> = parseEnv(read, environmentOf(container));
    assert.equal(config.mesh, "on");
    assert.equal(config.serviceConfigFile, undefined);
    // An optional address that is missing is a callee that is not served.
    const callees = Object.entries(config).filter(([key]) => key.endsWith("Address") && !/listen|admin/i.test(key));
    for (const { name } of shop.callees(service)) {
      if (name === "card-gateway") continue;
      assert.ok(
        callees.some(([, address]) => address === `${name}:50051`),
        `${name}: ${JSON.stringify(callees)}`,
      );
    }
  });
}

test("where a process listens is where its pod's ports are, on every address of the pod", () => {
  for (const service of shop.meshed) {
    const container = containerOf(`${service.name}-v1`, service.name);
    const { LISTEN_ADDRESS, ADMIN_ADDRESS, GRPC_LISTEN_ADDRESS } = environmentOf(container);
    const ports = Object.fromEntries(
      (container.ports ?? []).map((port) => [port.name, `0.0.0.0:${port.containerPort}`]),
    );
    const expected = GRPC_LISTEN_ADDRESS
      ? { http: LISTEN_ADDRESS, grpc: GRPC_LISTEN_ADDRESS, admin: ADMIN_ADDRESS }
      : { grpc: LISTEN_ADDRESS, admin: ADMIN_ADDRESS };
    assert.deepEqual(ports, expected, service.name);
  }
});

test("an instance says who it is by the pod's own name and version", () => {
  const fields = (containerOf("catalog-v1", "catalog").env ?? []).flatMap(({ name, valueFrom }) =>
    valueFrom?.fieldRef ? [[name, valueFrom.fieldRef.fieldPath]] : [],
  );
  assert.deepEqual(fields, [
    ["SERVICE_VERSION", "metadata.labels['app.kubernetes.io/version']"],
    ["INSTANCE", "metadata.name"],
  ]);
});

test("a version misbehaves only if a Secret of its own says so, which is optional and in no manifest", () => {
  for (const { name } of shop.meshed.filter(isCallable)) {
    const { volumes = [] } = workload(`${name}-v1`).pod;
    const { volumeMounts = [], env } = containerOf(`${name}-v1`, name);
    const file = environmentOf({ name, env }).BEHAVIOUR_FILE ?? "";
    const mount = volumeMounts.find(({ mountPath }) => mountPath === dirname(file));
    const secret = volumes.find((volume) => volume.name === mount?.name)?.secret;
    assert.equal(mount?.readOnly, true);
    assert.deepEqual(secret, { secretName: `${name}-v1-behaviour`, optional: true, defaultMode: 0o440 });
    assert.deepEqual(
      core().filter((object) => object.metadata.name === secret?.secretName),
      [],
    );
  }
});

test("what stands outside the mesh can be configured by what it is told", async () => {
  for (const { name, folder, port } of shop.outside) {
    const { readConfig }: { readConfig(env: NodeJS.ProcessEnv): object } = await import(join(folder, "src/config.ts"));
    const container = containerOf(name, name);
    const config = readConfig(environmentOf(container));
    assert.deepEqual(container.ports, [{ name: "http", containerPort: port }]);
    assert.match(JSON.stringify(config), new RegExp(`"port":${port}.*"/data"`));
    assert.ok(container.volumeMounts?.some(({ mountPath }) => mountPath === "/data"));
  }
});

test("the Jobs get what the programs that they run read", () => {
  for (const { name } of shop.databases) {
    for (const container of [
      containerOf(`${name}-migrate`, "migrate"),
      containerOf(`${name}-v1`, "wait-for-migrations"),
    ]) {
      const { databaseUrl } = parseEnv({ databaseUrl: databaseVariables.databaseUrl }, environmentOf(container));
      assert.match(databaseUrl, /^postgresql:/);
      assert.deepEqual(Object.keys(environmentOf(container)), ["DATABASE_URL"]);
    }
  }
  const streams = environmentOf(containerOf("nats-streams", "streams"));
  assert.equal(parseEnv(eventVariables, streams).natsUser, "row");
  const consumers = shop.meshed.flatMap(({ name, consumes }) => consumes.map((event) => `${name}=${event}`));
  assert.deepEqual(streams.CONSUMERS?.split(","), consumers);
});

async function variablesOf(folder: string): Promise<Record<string, Variable<unknown>>> {
  const module: { variables: Record<string, Variable<unknown>> } = await import(join(folder, "src/config.ts"));
  return module.variables;
}

/** The services that the service has clients of: each client reads its address itself. */
function clientsIn(folder: string): string[] {
  const text = readFileSync(join(folder, "src/main.ts"), "utf8");
  const imports = text.matchAll(/import \{ (\w+) \} from "@row\/gen\/grpc\/shop\/(\w+)\//g);
  return [...imports].flatMap(([, name, domain = ""]) => (text.includes(`host.client(${name})`) ? [domain] : []));
}

function containerOf(name: string, container: string): IContainer {
  const found = workload(name).containers.find((candidate) => candidate.name === container);
  assert.ok(found, `${name} has no container ${container}`);
  return found;
}

/** The environment that the container will have; what is not known before the cluster runs is something of its kind. */
function environmentOf({ env = [] }: IContainer): Record<string, string> {
  return Object.fromEntries(
    env.flatMap((variable) => {
      const value = sampleOf(variable);
      return value === undefined ? [] : [[variable.name, value]];
    }),
  );
}

function sampleOf({ name, value, valueFrom }: IEnvVar): string | undefined {
  if (valueFrom?.configMapKeyRef?.optional) return undefined;
  if (valueFrom?.secretKeyRef) return name === "DATABASE_URL" ? "postgresql://a:b@postgres:5432/a" : "p".repeat(49);
  return valueFrom?.fieldRef ? "catalog-v1-7d9f" : value;
}
