/** `--dry-run` of what changes the mesh: it tells what would be, is refused as the change would be, and changes nothing. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { portBase } from "@row/tests/harness/ports.ts";
import { afterAll, afterEach, beforeAll, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "row-dry-run-"));
const stateDir = join(folder, "state");
const base = await portBase();

let shop: Shop;
let before: unknown;

const resources = async () => (await shop.meshControl.resources({})).resources;

beforeAll(async () => {
  shop = await startShop({ services: ["catalog"], stateDir, portBase: base });
  await shop.meshControl.deploy({ service: "catalog", version: "v2", replicas: 1 });
  before = await resources();
});
afterEach(async () => assert.deepEqual(await resources(), before));
afterAll(async () => {
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

// Not synchronously: this process is the shop's supervisor, which answers.
async function row(words: readonly string[], input = "") {
  const env = { ...process.env, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(base) };
  const child = spawn(process.execPath, [join(root, "cli/src/main.ts"), ...words], { env });
  child.stdin.end(input);
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { stdout, stderr, status };
}

const route = (backend: string) => `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: marked, namespace: shop }
spec:
  parentRefs: [{ group: core, kind: Service, name: catalog, port: 50051 }]
  rules:
    - matches: [{ method: { service: shop.catalog.v1.CatalogService }, headers: [{ name: x-canary, value: "yes" }] }]
      backendRefs: [{ name: ${backend}, port: 50051 }]
`;

test("apply tells what would be created, line by line", async () => {
  const { stdout, status } = await row(["apply", "-f", "-", "--dry-run"], route("catalog-v2"));
  assert.equal(status, 0);
  assert.match(stdout, /^grpcroute\/marked created \(dry run\)\n\+ apiVersion: gateway\.networking\.k8s\.io\/v1\n/);
  assert.match(stdout, /^\+ +name: catalog-v2$/m);
  assert.doesNotMatch(stdout, /^[- ] /m);
});

test("apply tells what would change, with the lines around it, and what would stay as it is", async () => {
  const shown = await row(["get", "meshtlsauthentication", "catalog-for-cart-edge-and-toolbox", "-o", "yaml"]);
  const same = await row(["apply", "-f", "-", "--dry-run"], shown.stdout);
  assert.equal(same.stdout, "meshtlsauthentication/catalog-for-cart-edge-and-toolbox unchanged (dry run)\n");
  const fewer = shown.stdout.replace(/^.*toolbox\.shop.*\n/m, "");
  const { stdout } = await row(["apply", "-f", "-", "--dry-run"], fewer);
  const [first, ...lines] = stdout.trimEnd().split("\n");
  assert.equal(first, "meshtlsauthentication/catalog-for-cart-edge-and-toolbox configured (dry run)");
  const changed = lines.filter((line) => /^[-+]/.test(line));
  assert.deepEqual(changed, ["-     - toolbox.shop.serviceaccount.identity.linkerd.cluster.local"]);
  assert.ok(
    lines.some((line) => line.includes("edge.shop")),
    stdout,
  );
});

test("apply is refused as it would be without, by what is read and by what sidecars cannot do", async () => {
  const unread = await row(["apply", "-f", "-", "--dry-run"], route("catalog-v2").replace("rules", "rulez"));
  assert.equal(unread.status, 1);
  assert.match(unread.stderr, /rulez/);
  const impossible = route("catalog-v2").replace(/metadata: .*/, (line) =>
    line.replace(" }", ", annotations: { retry.linkerd.io/grpc: unavailable, retry.linkerd.io/timeout: 5s } }"),
  );
  const [dry, real] = [
    await row(["apply", "-f", "-", "--dry-run"], impossible),
    await row(["apply", "-f", "-"], impossible),
  ];
  assert.equal(dry.status, 1, dry.stdout);
  assert.match(dry.stderr, /retry\.linkerd\.io\/timeout cannot be done/);
  assert.equal(dry.stderr, real.stderr);
});

test("delete tells what would go", async () => {
  const { stdout, status } = await row(["delete", "grpcroute", "catalog-other", "--dry-run"]);
  assert.equal(status, 0);
  assert.match(stdout, /^grpcroute\/catalog-other deleted \(dry run\)\n- apiVersion: /);
  assert.match(
    (await row(["delete", "grpcroute", "nothing", "--dry-run"])).stderr,
    /^Cannot delete grpcroute\/nothing/,
  );
});

test("split tells how calls would be shared, and is refused where no such version runs", async () => {
  const { stdout } = await row(["split", "catalog", "v1=90", "v2=10", "--dry-run"]);
  assert.match(stdout, /^\d routes {2}v1=90 \(90 %\) {2}v2=10 \(10 %\)\nNothing is changed: /);
  const { dryRun, splits } = JSON.parse((await row(["split", "catalog", "v2=1", "--dry-run", "--json"])).stdout);
  assert.equal(dryRun, true);
  assert.deepEqual(splits[0].weights, [{ version: "v2", weight: 1 }]);
  assert.match((await row(["split", "catalog", "v9=1", "--dry-run"])).stderr, /^Cannot send calls to catalog v9/);
  assert.match((await row(["split", "catalog", "--dry-run"])).stderr, /^Cannot try a split: give weights/);
});
