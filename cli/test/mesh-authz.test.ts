import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "vitest";
import { smallProject, writeInto } from "../../laptop/test/small-project.ts";

const root = join(import.meta.dirname, "../..");

/** Lets the stranger call everything that catalog has a route for, health and reflection included. */
const OPENED = `
apiVersion: policy.linkerd.io/v1alpha1
kind: MeshTLSAuthentication
metadata: { name: strangers, namespace: shop }
spec: { identities: [stranger.shop.serviceaccount.identity.linkerd.cluster.local] }
---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: { name: open, namespace: shop }
spec:
  targetRef: { group: policy.linkerd.io, kind: Server, name: catalog-grpc }
  requiredAuthenticationRefs: [{ group: policy.linkerd.io, kind: MeshTLSAuthentication, name: strangers }]
`;

test("shows who may call each method of a service, a hand-written policy included", (context) => {
  const project = projectWithMesh(context);

  const before = authz(project.root, "catalog");
  assert.equal(before.status, 0, before.stderr);
  const [header = "", ...lines] = before.stdout.split("\n").map((line) => line.split(/ {2,}/));
  assert.deepEqual([...header].slice(0, 2), ["SERVICE", "METHOD"]);
  const cell = (method: string, caller: string) => lines.find((line) => line[1] === method)?.[header.indexOf(caller)];
  assert.equal(cell("BatchGetProducts", "orders"), "yes");
  assert.equal(cell("BatchGetProducts", "edge"), "-");
  assert.equal(cell("ListProducts", "edge"), "yes");
  assert.equal(cell("ListProducts", "nobody"), "-");
  assert.equal(cell("grpc.health.v1.Health/Check", "toolbox"), "yes");
  assert.doesNotMatch(before.stdout, /stranger|PlaceOrder/);

  writeInto(project.root, "mesh/policy/mine.yaml", OPENED);
  const rows: unknown = JSON.parse(authz(project.root, "catalog", "--json").stdout);
  assert.ok(Array.isArray(rows));
  for (const { callers } of rows) {
    assert.equal(callers.stranger.decision, "allow");
    assert.equal(callers.stranger.authorization, "open");
    assert.equal(callers.others.decision, "deny");
    assert.match(callers.others.reason, /not let any-other-account/);
  }
});

test("marks callers that policies name and that the checkout does not have", (context) => {
  const project = projectWithMesh(context);
  const [header = "", ...lines] = authz(project.root, "catalog").stdout.split("\n");
  assert.match(header, / cart\* +edge +orders +toolbox +others +nobody$/);
  assert.ok(lines.includes("*: a policy names it, and this checkout has no such service"));
  writeInto(project.root, "services/cart/service.yaml", "name: cart\nport: 5057\nadminPort: 6057\n");
  const { stdout } = authz(project.root, "catalog");
  assert.match(stdout, / cart +edge +orders /);
  assert.doesNotMatch(stdout, /\*/);
});

test("names the services there are when asked about another", (context) => {
  const project = projectWithMesh(context);
  rmSync(join(project.root, "mesh/services/auth.yaml"));
  const { status, stderr } = authz(project.root, "nothing");
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^Cannot show who may call nothing: there are policies for catalog, inventory, orders, payments/,
  );
});

function projectWithMesh(context: TestContext) {
  const project = smallProject();
  context.onTestFinished(project.remove);
  for (const folder of ["services", "policy", "routes"]) {
    cpSync(join(root, "mesh", folder), join(project.root, "mesh", folder), { recursive: true });
  }
  for (const service of ["edge", "services/catalog", "services/orders"]) {
    cpSync(join(root, service, "service.yaml"), join(project.root, service, "service.yaml"));
  }
  return project;
}

function authz(projectRoot: string, ...args: string[]) {
  const main = join(root, "cli/src/main.ts");
  const env = { ...process.env, ROW_ROOT: projectRoot };
  return spawnSync(process.execPath, [main, "mesh", "authz", ...args], { encoding: "utf8", env });
}
