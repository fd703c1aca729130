import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { mayCall, type Verdict } from "@row/mesh/policy/verdict.ts";
import { loadResources } from "@row/mesh/resources/read.ts";
import { identityOf, labelsOf, serviceOfType, TOOLBOX } from "@row/runtime/names.ts";
import { discoverServices, isMeshed } from "@row/topology/service-manifest.ts";
import { test } from "vitest";
import { type Matrix, readMatrices } from "./harness/access-matrix.ts";

const EMPTY: Matrix = new Map();
const [, matrix = EMPTY] = readMatrices(join(import.meta.dirname, "access.md"));
const folders = ["services", "policy", "routes"].map((name) => join(import.meta.dirname, "../mesh", name));
const resources = loadResources(folders);
const columns = Object.keys([...matrix.values()][0] ?? {});
const SERVICE_COLUMNS = columns.filter((name) => name !== "others" && name !== "nobody");
/** Stand for "others": services that exist later, and one that never will. */
const OTHERS = ["users", "notifications", "analytics", "stranger"].filter((name) => !columns.includes(name));

const served = new Set(resources.filter(({ kind }) => kind === "Service").map(({ metadata }) => metadata.name));
const rpcs = [...matrix.keys()].filter((rpc) => served.has(serviceOf(rpc)));

test("the files that the mesh obeys are what the contracts and every service.yaml say", () => {
  const script = join(import.meta.dirname, "../scripts/mesh-files.ts");
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});

test("the policy is tried for every RPC of every service there is, and for each of them as a caller", () => {
  assert.ok(rpcs.length > 30, `${rpcs.length} RPCs`);
  const meshed = discoverServices(join(import.meta.dirname, "..")).filter(isMeshed);
  const missing = [...meshed.map(({ name }) => name), TOOLBOX, "others", "nobody"].filter(
    (name) => !columns.includes(name),
  );
  assert.deepEqual(missing, [], "columns that the second table of access.md lacks");
});

test("the generated policy lets services call what the matrix says, and denies the rest", () => {
  expectNoDifference((_rpc, row) => [
    ...SERVICE_COLUMNS.map((name) => ({ who: name, caller: identityOf(name), may: row[name] === "yes" })),
    ...OTHERS.map((name) => ({ who: name, caller: identityOf(name), may: row.others === "yes" })),
  ]);
});

test("the generated policy denies everything to whoever is not of this shop, also by a name that is", () => {
  expectNoDifference(() => [
    ...[...SERVICE_COLUMNS, ...OTHERS].flatMap((name) => [
      { who: `${name} elsewhere`, caller: identityOf(name, "elsewhere"), may: false },
      { who: `${name}'s longer namesake`, caller: `x.${identityOf(name)}`, may: false },
    ]),
    { who: "prometheus", caller: identityOf("prometheus", "observability"), may: false },
    { who: "nobody", caller: undefined, may: false },
  ]);
});

test("what a laptop port lets in, which is what the toolbox may call, is what the matrix gives nobody", () => {
  expectNoDifference((_rpc, row) => [{ who: "nobody", caller: identityOf("toolbox"), may: row.nobody === "yes" }]);
});

test("only the toolbox looks around", () => {
  const paths = [
    "/grpc.health.v1.Health/Check",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
  ];
  for (const service of new Set(rpcs.map(serviceOf))) {
    for (const path of paths) {
      const verdict = (name: string) => ask(service, path, identityOf(name)).decision;
      assert.deepEqual(["toolbox", "edge", service, "stranger"].map(verdict), ["allow", "deny", "deny", "deny"], path);
    }
  }
});

test("a method that no contract has is denied like one that is nobody's business", () => {
  for (const service of new Set(rpcs.map(serviceOf))) {
    for (const name of SERVICE_COLUMNS) {
      assert.equal(ask(service, "/shop.made.up.v1.Service/Method", identityOf(name)).decision, "deny");
    }
  }
});

interface Expectation {
  who: string;
  caller: string | undefined;
  may: boolean;
}

/** Fails with all differences at once. Refused means denied: "no-route" would be another status. */
function expectNoDifference(expected: (rpc: string, row: Readonly<Record<string, string>>) => Expectation[]): void {
  const differences = rpcs.flatMap((rpc) =>
    expected(rpc, matrix.get(rpc) ?? {}).flatMap(({ who, caller, may }) => {
      const { decision, reason } = ask(serviceOf(rpc), `/${rpc}`, caller);
      return decision === (may ? "allow" : "deny") ? [] : [`${rpc}: ${who}: ${decision}: ${reason}`];
    }),
  );
  assert.deepEqual(differences, []);
}

function ask(service: string, path: string, caller: string | undefined): Verdict {
  return mayCall(resources, { labels: labelsOf(service, "v1"), path, caller });
}

/** "shop.orders.v1.OrderService/GetOrder" is served by "orders". */
function serviceOf(rpc: string): string {
  return serviceOfType(rpc);
}
