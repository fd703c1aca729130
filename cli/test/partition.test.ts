/** Calls that are cut on purpose with `row partition`, in a shop with sidecars. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Finding } from "@row/laptop/checkup/finding.ts";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import type { ShopStatus } from "@row/laptop/shop/shop-status.ts";
import { portBase } from "@row/tests/harness/ports.ts";
import { afterAll, beforeAll, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "row-partition-"));
const options = { services: ["auth", "catalog", "edge"], stateDir: join(folder, "state"), portBase: await portBase() };

let shop: Shop;

beforeAll(async () => {
  shop = await startShop(options);
});
afterAll(async () => {
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

// Not synchronously: this process is the shop's supervisor, which answers.
async function row(...words: string[]) {
  const env = { ...process.env, ROW_STATE_DIR: options.stateDir, ROW_PORT_BASE: String(options.portBase) };
  const child = spawn(process.execPath, [join(root, "cli/src/main.ts"), ...words], { env });
  child.stdin.end();
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { stdout, stderr, status };
}

/** Its sidecar may be about to start. */
async function throughEdge(path: string): Promise<number> {
  const end = performance.now() + 10_000;
  for (;;) {
    const url = `http://${shop.process("edge").addresses.http}${path}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch((error: unknown) => {
      if (performance.now() > end) throw error;
    });
    if (response) return response.status;
    await sleep(50);
  }
}

const throughToolbox = async () => (await row("call", "CatalogService/ListCategories")).status;

test("one caller's calls are cut, and nobody else's; status and check say that it is on purpose, and how to end it", async () => {
  assert.equal(await throughEdge("/v1/categories"), 200);
  const cut = await row("partition", "edge", "catalog");
  assert.equal(cut.stderr, "");
  assert.match(
    cut.stdout,
    /^Injected on purpose:\n {2}edge cannot call catalog, until `npx row partition edge catalog --heal`\n$/,
  );
  assert.equal(await throughEdge("/v1/categories"), 503);
  assert.equal(await throughEdge("/.well-known/jwks.json"), 200, "it reaches auth");
  assert.equal(await throughToolbox(), 0, "others reach catalog");

  assert.match((await row("status")).stdout, /^Injected on purpose:\n {2}edge cannot call catalog, until `npx row/m);
  const { partitions }: ShopStatus = JSON.parse((await row("status", "--json")).stdout);
  assert.deepEqual(partitions, [{ caller: "edge", callee: "catalog" }]);
  const { findings }: { findings: Finding[] } = JSON.parse((await row("check", "--json")).stdout);
  assert.deepEqual(
    findings.filter(({ subject, outcome }) => subject === "injected" || outcome === "bad"),
    [
      {
        subject: "injected",
        outcome: "warning",
        says: "edge cannot call catalog: its calls are cut on purpose",
        advice: "end it with `npx row partition edge catalog --heal`",
      },
    ],
  );

  assert.equal((await row("partition", "edge", "catalog", "--heal")).stdout, "Nothing is cut.\n");
  assert.equal(await throughEdge("/v1/categories"), 200);
});

test("what a version is told to do wrong is a warning of check too", async () => {
  await row("behave", "catalog", "v1", "errors=1%");
  const { stdout, status } = await row("check");
  await row("behave", "--clear");
  assert.equal(status, 0, stdout);
  assert.match(
    stdout,
    /^! {2}injected +catalog v1 misbehaves on purpose: errors=1%, until .*\n +→ end it with `npx row behave catalog v1 --clear`$/m,
  );
});

test("a sidecar that starts anew is cut off as before, and the next start of the shop is whole", async () => {
  await row("partition", "toolbox", "catalog");
  await row("partition", "edge", "catalog");
  assert.equal((await row("kill", "edge-v1-1-sidecar")).status, 0);
  await shop.restart("catalog");
  assert.notEqual(await throughToolbox(), 0);
  assert.equal(await throughEdge("/v1/categories"), 503);
  assert.match(
    (await row("partition", "edge", "--heal")).stdout,
    /^Injected on purpose:\n {2}toolbox cannot call catalog, /,
  );
  assert.equal(await throughEdge("/v1/categories"), 200);

  await shop.stop();
  shop = await startShop(options);
  assert.equal(await throughToolbox(), 0);
  assert.equal((await row("partition")).stdout, "Nothing is cut.\n");
});

test("who is not there is named, and what would cut nothing is refused", async () => {
  const refusal = async (...words: string[]) => (await row("partition", ...words)).stderr;
  assert.equal(await refusal("nobody", "catalog"), "Unknown caller nobody: there are auth, catalog, edge, toolbox\n");
  assert.equal(await refusal("edge", "nobody"), "Unknown service nobody: there are auth, catalog\n");
  assert.equal(await refusal("catalog", "catalog"), "Cannot cut catalog off itself: name two services\n");
  assert.equal(
    await refusal("edge"),
    "Cannot tell what edge is not to reach: write `npx row partition orders catalog`\n",
  );
});
