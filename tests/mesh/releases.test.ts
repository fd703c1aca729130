/** `row release` by each strategy, on a real shop under calls that never stop: none is lost, and one command brings back what was. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { CatalogCalls } from "../harness/catalog-calls.ts";
import { portBase } from "../harness/ports.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "row-releases-"));
const stateDir = join(folder, "state");
const base = await portBase();
const env = { ...process.env, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(base) };
let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ services: ["auth", "catalog"], stateDir, portBase: base });
});

afterEach(async () => {
  assert.deepEqual(await serving(), { v1: 1 }, "each test ends with what was before");
});

afterAll(async () => {
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

/** What the command prints; rejects with what it complains about. */
async function row(...words: string[]): Promise<string> {
  return (await run(process.execPath, [join(root, "cli/src/main.ts"), ...words], { env })).stdout;
}

const refusal = (...words: string[]) =>
  row(...words).then(
    (printed) => assert.fail(`It is not refused: ${printed}`),
    ({ stderr }: { stderr: string }) => stderr,
  );

/** How many instances of each version run. */
async function serving(): Promise<Record<string, number>> {
  const { processes } = await shop.status();
  const versions = processes.filter(({ name }) => name === "catalog").map(({ version }) => version);
  return Object.fromEntries(
    Object.entries(Object.groupBy(versions, (version) => version)).map(([name, all]) => [name, all?.length ?? 0]),
  );
}

const calls = new CatalogCalls(`127.0.0.1:${base + 50}`);

/** Which version answers. */
async function call(): Promise<string> {
  return (await calls.once()).split("/")[1] ?? "";
}

/** Calls all the while, of which none may fail; answers who answers afterwards. */
async function underCalls(act: () => Promise<unknown>): Promise<Set<string>> {
  await calls.withoutFailure(act, 20);
  return new Set(await Promise.all(Array.from({ length: 20 }, call)));
}

test("blue-green gives all calls to the new version at once, and --back gives them back", async () => {
  const after = await underCalls(async () => {
    const printed = await row("release", "catalog", "--strategy", "blue-green");
    assert.match(printed, /catalog v2 serves in place of v1 .*take it back with `npx row release catalog --back`/);
  });
  assert.deepEqual(after, new Set(["v2"]));
  assert.deepEqual(await serving(), { v1: 1, v2: 1 }, "the old version stands by");
  assert.match(await row("release", "catalog"), /^catalog v2 serves in place of v1 \(blue-green/);
  const back = await underCalls(() => row("release", "catalog", "--back"));
  assert.deepEqual(back, new Set(["v1"]));
  assert.match(await refusal("release", "catalog", "--back"), /there is none/);
});

test("rolling replaces the instances one by one, and --back has them all again", async () => {
  await row("scale", "catalog", "--replicas", "2");
  const after = await underCalls(async () => {
    const printed = await row("release", "catalog", "--strategy", "rolling", "--version", "next");
    assert.deepEqual(
      printed.split("\n").flatMap((line) => /^ {2}(\d of \d): starting/.exec(line)?.[1] ?? []),
      ["1 of 2", "2 of 2"],
    );
  });
  assert.deepEqual(after, new Set(["next"]));
  assert.deepEqual(await serving(), { next: 2 });
  const back = await underCalls(() => row("release", "catalog", "--back"));
  assert.deepEqual(back, new Set(["v1"]));
  assert.deepEqual(await serving(), { v1: 2 });
  await row("scale", "catalog", "--replicas", "1");
});

test("a release that cannot go on is taken back, and says why", async () => {
  const said = await refusal("release", "catalog", "--strategy", "rolling", "--from", "no-such-branch");
  assert.match(said, /^catalog v2 is not released, v1 serves as before: .*no-such-branch/);
  assert.match(await row("release", "catalog"), /was not released/);
});

test("a release that is interrupted is taken back after the step that is under way", async () => {
  const words = [join(root, "cli/src/main.ts"), "release", "catalog", "--strategy", "blue-green"];
  const child = spawn(process.execPath, words, { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  createInterface(child.stdout).on("line", (line) => {
    if (line.includes("looking whether")) child.kill("SIGINT");
  });
  assert.equal(await ended, 1);
  assert.equal(await call(), "v1");
});

test("what a killed command left is refused the next time, with the command that takes it back", async () => {
  const words = [join(root, "cli/src/main.ts"), "release", "catalog", "--strategy", "blue-green"];
  const child = spawn(process.execPath, words, { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  createInterface(child.stdout).on("line", (line) => {
    if (line.includes("looking whether")) child.kill("SIGKILL");
  });
  await ended;
  assert.deepEqual(await serving(), { v1: 1, v2: 1 });
  assert.match(
    await refusal("release", "catalog", "--strategy", "rolling"),
    /was cut off.*`npx row release catalog --back`/,
  );
  await row("release", "catalog", "--back");
});

test("refuses what it could not take back, before anything is touched", async () => {
  await row("deploy", "catalog", "--version", "v2");
  await row("split", "catalog", "v1=50", "v2=50");
  const shared = await refusal("release", "catalog", "--strategy", "rolling");
  assert.match(shared, /its calls go to v1, v2\. Give one version all of them first/);
  await row("split", "catalog", "v1=100", "v2=0");
  assert.match(await refusal("release", "catalog", "--strategy", "rolling", "--version", "v2"), /it runs already/);
  await row("undeploy", "catalog", "--version", "v2");
  assert.match(
    await refusal("release", "nobody", "--strategy", "rolling"),
    /[Uu]nknown service nobody|Cannot split nobody/,
  );
  assert.match(
    await refusal("release", "catalog", "--from", "."),
    /give a --strategy, canary or blue-green or rolling/,
  );
  assert.match(
    await refusal("release", "catalog", "--strategy", "slow"),
    /Allowed choices are canary, blue-green, rolling/,
  );
});

test("a dry run tells what would take over from what, and changes nothing", async () => {
  const rolling = await row("release", "catalog", "--strategy", "rolling", "--dry-run");
  assert.match(
    rolling,
    /^catalog v2 would take over from v1, of which one instance runs \(rolling\)\nNothing is changed/,
  );
  const canary = await row("release", "catalog", "--strategy", "canary", "--from", root, "--dry-run");
  assert.match(canary, new RegExp(`^canary +npx row deploy catalog --version v2 --from ${root}$`, "m"));
  assert.match(canary, /^weights +npx row split catalog v1=80 v1-baseline=10 v2=10 /m);
});
