/** What looks at a shop with sidecars from another terminal: `row check`, `row edges`, `row stat`, `row status` and `row tap`. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Finding } from "@row/laptop/checkup/finding.ts";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import type { Edge } from "@row/mesh/observer/edges.ts";
import { portBase } from "@row/tests/harness/ports.ts";
import { afterAll, beforeAll, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "row-looking-"));
const stateDir = join(folder, "state");
const base = await portBase();
const MAIN = join(root, "cli/src/main.ts");
const IDENTITY_OF = (account: string) => `${account}.shop.serviceaccount.identity.linkerd.cluster.local`;

let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ services: ["auth", "catalog"], stateDir, portBase: base });
});
afterAll(async () => {
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

function row(...words: string[]) {
  return run(process.execPath, [MAIN, ...words]);
}

/** Commands of bash on a terminal that is so wide; what they show is without colours. */
async function onTerminal(columns: number, commands: string) {
  const typed = `stty cols ${columns} && ${commands}`;
  const { stdout } = await run("script", ["--quiet", "--return", "--command", typed, "/dev/null"], { NO_COLOR: "1" });
  return stdout.replaceAll("\r\n", "\n").trimEnd().split("\n");
}

// Not synchronously: this process is the shop's supervisor, which answers.
async function run(file: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const env = { ...process.env, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(base), ...more };
  const child = spawn(file, args, { env });
  child.stdin.end();
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { stdout, stderr, status };
}

test("check looks at sidecars, certificates, versions and consumers, and finds nothing wrong in a shop that is well", async () => {
  const { stdout, stderr, status } = await row("check");
  assert.equal(stderr, "");
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^✓ {2}ports +all \d+ are free or this shop's \(\d+\)$/m);
  assert.match(stdout, /^✓ {2}shop +is ready: processes \d+, sidecars 2$/m);
  assert.match(stdout, /^✓ {2}certificates +3, the first runs out in 23 h$/m);
  assert.match(stdout, /^✓ {2}versions +each that is to run does \(2\)$/m);
  assert.match(stdout, /^✓ {2}events +every stream \(\d+\) and consumer \(1\) is there$/m);
});

test("check names a version that has a share of the calls and nobody to answer them", async () => {
  await shop.meshControl.scale({ service: "catalog", version: "v1", replicas: 0 });
  const { stdout, status } = await row("check", "--json");
  await shop.meshControl.scale({ service: "catalog", version: "v1", replicas: 1 });
  const { findings }: { findings: Finding[] } = JSON.parse(stdout);
  assert.equal(status, 1);
  assert.deepEqual(
    findings.filter(({ outcome }) => outcome === "bad").map(({ subject, says }) => `${subject}: ${says}`),
    ["shop: Nobody answers calls to catalog now: there is no instance of v1, where they all go"],
  );
});

test("edges shows who has called whom, by the certificates that their sidecars show, and how it went", async () => {
  assert.match((await row("edges")).stdout, /^No calls yet/);
  for (let call = 0; call < 3; call += 1) {
    assert.equal((await row("call", "CatalogService/ListCategories")).status, 0);
  }
  // It is for services only.
  assert.match((await row("call", "BatchGetProducts")).stderr, /^PERMISSION_DENIED/);
  const { edges }: { edges: Edge[] } = JSON.parse((await row("edges", "--json")).stdout);
  const [{ lastTime = "", ...edge } = {}, ...others] = edges;
  assert.deepEqual(others, []);
  assert.deepEqual(edge, {
    client: "toolbox-v1",
    clientIdentity: IDENTITY_OF("toolbox"),
    server: "catalog-v1",
    serverIdentity: IDENTITY_OF("catalog"),
    isSecured: true,
    requests: 4,
    successRate: 0.75,
  });
  assert.ok(Math.abs(Date.now() - Date.parse(lastTime)) < 60_000, lastTime);
  assert.match(
    (await row("edges", "catalog")).stdout,
    /^CLIENT +SERVER +.*\ntoolbox-v1 +catalog-v1 +toolbox\.shop +catalog\.shop +√ +4 +75\.00 % +\d\d:\d\d:\d\d\n/,
  );
  assert.match((await row("edges", "auth")).stdout, /^No calls yet/);
});

test("stat looks back minutes where seconds have no calls any more, and refuses what is not kept", async () => {
  assert.equal((await row("call", "CatalogService/ListCategories")).status, 0);
  await sleep(12_000);
  assert.match((await row("stat", "catalog")).stdout, /^No calls in the last 10 seconds\.\n$/);
  assert.match(
    (await row("stat", "catalog", "--window", "2m", "-o", "wide")).stdout,
    /^CLIENT .* TIMEOUTS\n(.*\n)*toolbox-v1 /,
  );
  assert.match(
    (await row("stat", "--window", "10m")).stderr,
    /^Cannot look back so far: on a laptop the calls of the last 5m are kept\n$/,
  );
  assert.match(
    (await row("stat", "--window", "soon")).stderr,
    /^Cannot look back soon: write a duration such as 30s or 5m\n$/,
  );
});

for (const columns of [60, 80]) {
  test(`status and tap are read on a terminal of ${columns} columns: no line goes on in the middle of a word`, async () => {
    const status = await onTerminal(columns, `"${process.execPath}" "${MAIN}" status`);
    assert.deepEqual(
      status.filter((line) => line.length > columns),
      [],
    );
    assert.ok(
      status.some((line) => /^catalog-v1-1 +\d+ +ready +0 +ready \d+$/.test(line)),
      status.join("\n"),
    );
    const tapping = onTerminal(columns, `timeout --signal=INT 6 "${process.execPath}" "${MAIN}" tap catalog`);
    await sleep(3_000);
    assert.equal((await row("call", "CatalogService/ListCategories")).status, 0);
    const tapped = await tapping;
    assert.deepEqual(
      tapped.filter((line) => line.length > columns),
      [],
    );
    assert.match(
      tapped.join("\n").replaceAll("\n  ", " "),
      /^\d\d:\d\d:\d\d toolbox-v1-1 → catalog-v1-1 ListCategories OK .* .?s$/m,
    );
  });
}
