import assert from "node:assert/strict";
import { test } from "vitest";
import { readResources } from "../resources/read.ts";
import type { GrpcRoute, Resource } from "../resources/resource.ts";
import {
  parseWeights,
  splitOf,
  versionsInUse,
  withoutShare,
  withoutVersion,
  withSplit,
  withSplits,
} from "./traffic-split.ts";

const ROUTE = `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: NAME }
spec:
  parentRefs: [{ group: core, kind: Service, name: catalog, port: 50051 }]
  rules: [RULES]
`;
const VERSION = `
apiVersion: v1
kind: Service
metadata: { name: catalog-VERSION }
spec:
  selector: { app.kubernetes.io/name: catalog, app.kubernetes.io/version: VERSION }
  ports: [{ name: grpc, port: 50051, appProtocol: kubernetes.io/h2c }]
`;
const to = (...names: string[]) => `backendRefs: [${names.map((name) => `{ name: ${name}, port: 50051 }`).join(", ")}]`;
const onMethod = "method: { service: shop.catalog.v1.CatalogService, method: GetProduct }";
const marked = `matches: [{ ${onMethod}, headers: [{ name: x-canary, value: "yes" }] }]`;

function read(...documents: string[]): Resource[] {
  const { resources, problems } = readResources(documents.join("---"), "test.yaml");
  assert.deepEqual(problems, []);
  return resources;
}

function route(name: string, ...rules: string[]): string {
  return ROUTE.replace("NAME", name).replace("RULES", rules.map((rule) => `{ ${rule} }`).join(", "));
}

const versions = ["v1", "v2"].map((version) => VERSION.replaceAll("VERSION", version));
const resources = read(
  ...versions,
  route("fast", `matches: [{ ${onMethod} }], ${to("catalog-v1")}`, to("catalog-v1")),
  route("marked", `${marked}, ${to("catalog-v2")}`),
  route("elsewhere", to("catalog-archive")),
);

function after(changed: GrpcRoute[]): Resource[] {
  const names = changed.map(({ metadata }) => metadata.name);
  return [
    ...resources.filter(({ kind, metadata }) => kind !== "GRPCRoute" || !names.includes(metadata.name)),
    ...changed,
  ];
}

test("reads weights, and refuses what is none by name", () => {
  assert.deepEqual(
    [...parseWeights(["v1=90", "v2=10"])],
    [
      ["v1", 90],
      ["v2", 10],
    ],
  );
  for (const word of ["v1", "v1=", "=1", "v1=-1", "v1=1.5", "v1=1e2", "v1=1=2", "v1=1000001"])
    assert.throws(() => parseWeights([word]), { name: "RowError", message: new RegExp(`^Cannot read ${word}: `) });
  assert.throws(() => parseWeights(["v1=1", "v1=2"]), /v1 is named twice/);
  assert.throws(() => parseWeights(["v1=0", "v2=0"]), /every weight is 0/);
});

test("changes every rule that points to a version, and leaves the others and those for marked calls", () => {
  const changed = withSplit(resources, "catalog", parseWeights(["v1=9", "v2=1"]));
  assert.deepEqual(
    changed.map(({ metadata }) => metadata.name),
    ["fast"],
  );
  const weights = [
    { version: "v1", weight: 9 },
    { version: "v2", weight: 1 },
  ];
  assert.deepEqual(splitOf(after(changed), "catalog"), [
    { route: "marked", rule: 0, weights: [{ version: "v2", weight: 1 }], isPinned: true },
    { route: "fast", rule: 0, weights, isPinned: false },
    { route: "fast", rule: 1, weights, isPinned: false },
  ]);
});

test("a version's calls go to the Service that the routes name, whatever others have its labels", () => {
  const more = VERSION.replaceAll("VERSION", "v2")
    .replace("name: catalog-v2", "name: a-few-of-catalog-v2")
    .replace("version: v2 }", "version: v2, track: canary }");
  const headless = `${VERSION.replaceAll("VERSION", "v2").replace("name: catalog-v2", "name: catalog-v2-metrics")}  clusterIP: None\n`;
  const otherPort = VERSION.replaceAll("VERSION", "v2")
    .replace("catalog-v2 }", "a-admin-of-catalog-v2 }")
    .replace("50051", "9090");
  const weights = parseWeights(["v1=1", "v2=1"]);
  const backends = (...documents: string[]) =>
    withSplit(read(...documents), "catalog", weights)[0]?.spec.rules[0]?.backendRefs.map(({ name }) => name);
  const beside = [more, headless, otherPort, ...versions];
  assert.deepEqual(backends(...beside, route("a", to("catalog-v1"))), ["catalog-v1", "catalog-v2"]);
  assert.deepEqual(backends(...beside, route("a", to("catalog-v1", "catalog-v2"))), ["catalog-v1", "catalog-v2"]);
  assert.deepEqual(backends(...beside, route("a", to("catalog-v1", "a-few-of-catalog-v2"))), [
    "catalog-v1",
    "a-few-of-catalog-v2",
  ]);
});

test("says which Services may be a version's, and guesses none", () => {
  const twin = VERSION.replaceAll("VERSION", "v2").replace("name: catalog-v2", "name: catalog-next");
  const weights = parseWeights(["v1=1", "v2=1"]);
  const split = (...rules: string[]) => withSplit(read(...versions, twin, route("a", ...rules)), "catalog", weights);
  const expected =
    "Cannot split catalog: v2 may be the Service catalog-next or catalog-v2; name one of them in the backendRefs of the GRPCRoutes, or delete the others";
  assert.throws(() => split(to("catalog-v1")), { name: "RowError", message: expected });
  assert.throws(() => split(to("catalog-v1", "catalog-v2", "catalog-next")), { message: expected });
  assert.equal(split(to("catalog-v1", "catalog-next")).length, 1);
});

test("knows which versions get calls, those of weight 0 left out", () => {
  assert.deepEqual(versionsInUse(resources, "catalog"), ["v1", "v2"]);
  const unmarked = after(withSplit(resources, "catalog", parseWeights(["v1=1", "v2=0"]))).filter(
    ({ metadata }) => metadata.name !== "marked",
  );
  assert.deepEqual(versionsInUse(unmarked, "catalog"), ["v1"]);
  const without = withoutVersion(unmarked, "catalog", "v2");
  assert.deepEqual(
    without.flatMap(({ spec }) => spec.rules.map(({ backendRefs }) => backendRefs.map(({ name }) => name))),
    [["catalog-v1"], ["catalog-v1"]],
  );
});

test("takes a version's share away where others have one, rule by rule, and nothing else", () => {
  const weighted = (...shares: string[]) =>
    `backendRefs: [${shares.map((share) => `{ name: catalog-${share.replace("=", ", port: 50051, weight: ")} }`).join(", ")}]`;
  const all = read(
    ...versions,
    route("three", weighted("v1=80", "v2=20"), weighted("v1=7"), weighted("v1=3", "v2=0")),
    route("two", weighted("v2=1", "v1=1")),
  );
  const changed = withoutShare(all, "catalog", "v2");
  const shares = changed.map(({ spec }) => spec.rules.map((rule) => rule.backendRefs.map(({ weight }) => weight)));
  assert.deepEqual(shares, [[[80, 0], [7], [3, 0]], [[0, 1]]]);
  assert.deepEqual(withoutShare([...all.slice(0, 2), ...changed], "catalog", "v2"), [], "once it has none");
});

test("refuses to take a share away where nobody else would get it", () => {
  const says =
    /^Cannot take its calls from catalog v2: rule 0 of GRPCRoute only sends it all of them\..*`npx row split catalog v1=100 v2=0`$/;
  for (const rule of [
    to("catalog-v2"),
    `${to("catalog-v2").slice(0, -1)}, { name: catalog-v1, port: 50051, weight: 0 }]`,
  ]) {
    const all = read(...versions, route("only", rule));
    assert.throws(() => withoutShare(all, "catalog", "v2"), { name: "RowError", message: says });
  }
});

test("splits among as many versions as are named, in every rule alike", () => {
  const three = [...versions, VERSION.replaceAll("VERSION", "base")];
  const all = read(...three, route("a", to("catalog-v1")), route("b", to("catalog-v1", "catalog-v2")));
  const changed = withSplit(all, "catalog", parseWeights(["v1=80", "base=10", "v2=10"]));
  const refs = changed.map(({ spec }) => spec.rules[0]?.backendRefs.map(({ name, weight }) => `${name}=${weight}`));
  const expected = ["catalog-v1=80", "catalog-base=10", "catalog-v2=10"];
  assert.deepEqual(refs, [expected, expected]);
});

test("gives each rule back the weights that it had, each its own, and passes over what is gone", () => {
  const rule = (v1: number, v2: number) =>
    `backendRefs: [{ name: catalog-v1, port: 50051, weight: ${v1} }, { name: catalog-v2, port: 50051, weight: ${v2} }]`;
  const all = read(...versions, route("a", rule(9, 1), to("catalog-v1")), route("b", rule(1, 1)));
  const before = splitOf(all, "catalog");
  const moved = withSplit(all, "catalog", parseWeights(["v1=0", "v2=1"]));
  const now = [...all.slice(0, 2), ...moved];
  assert.notDeepEqual(splitOf(now, "catalog"), before);
  const restored = withSplits(now, "catalog", [...before, { route: "gone", rule: 0, weights: [] }]);
  assert.deepEqual(splitOf([...all.slice(0, 2), ...restored], "catalog"), before);
});

test("says so when nothing points to a version", () => {
  assert.throws(() => withSplit(read(...versions), "catalog", parseWeights(["v1=1"])), /no rule of a GRPCRoute/);
});
