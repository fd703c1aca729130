/** `row load` against a shop whose edge is small: what it prints, how it ends, and that the shop looks after a load of its own. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShopStatus } from "@row/laptop/shop/shop-status.ts";
import { removeState } from "@row/laptop/stores/infrastructure.ts";
import type { LoadSecond, LoadSummary } from "@row/load/load-counts.ts";
import { portBase } from "@row/tests/harness/ports.ts";
import { afterAll, beforeAll, test } from "vitest";
import { smallProject } from "../../laptop/test/small-project.ts";

/** Has one product; every fifth request of a load is answered by a v2 that fails, and none without the installation's key. */
const EDGE = `
import { createServer } from "node:http";
const listen = (address, answer) => {
  const [host, port] = address.split(":");
  return createServer(answer).listen(Number(port), host);
};
let asked = 0;
listen(process.env.LISTEN_ADDRESS, (request, response) => {
  if (!request.headers["x-load-key"]) return response.writeHead(403).end();
  const isEntering = request.url.includes("pageSize=100");
  if (!isEntering) asked += 1;
  const isCanary = !isEntering && asked % 5 === 0;
  response.writeHead(isCanary ? 503 : 200, { "x-served-by": "edge/v1/edge-v1-1, catalog/" + (isCanary ? "v2/c" : "v1/c") });
  response.end(JSON.stringify(isCanary ? { details: [{ reason: "BROKEN" }] } : { products: [{ id: "p", name: "Coffee" }] }));
});
listen(process.env.ADMIN_ADDRESS, (_, response) => response.end());
process.on("SIGTERM", () => process.exit(0));
`;

const project = smallProject({
  "services/edge/service.yaml": "name: edge\nkind: gateway\nport: 8080\ngrpcPort: 8081\nadminPort: 6080\n",
  "services/edge/src/main.ts": EDGE,
});
cpSync(resolve(import.meta.dirname, "../../gen/contracts.binpb"), join(project.root, "gen/contracts.binpb"));
const env = {
  ...process.env,
  ROW_ROOT: project.root,
  ROW_PORT_BASE: String(await portBase()),
  ROW_STATE_DIR: "",
};
const main = resolve(import.meta.dirname, "../src/main.ts");

beforeAll(() => {
  assert.match(row("up", "--detach", "--no-mesh"), /The shop is ready/);
});
afterAll(() => {
  row("down");
  removeState(project.stateDir);
  project.remove();
});

function run(...args: string[]) {
  return spawnSync(process.execPath, [main, ...args], { env, encoding: "utf8" });
}

function row(...args: string[]): string {
  const { status, stdout, stderr } = run(...args);
  assert.equal(status, 0, stderr);
  return stdout;
}

function shop(): ShopStatus {
  return JSON.parse(row("status", "--json"));
}

/** The lines and the summary of `--json`. */
function parsed(out: string): { seconds: LoadSecond[]; summary: LoadSummary } {
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { seconds: lines.slice(0, -1), summary: lines.at(-1).summary };
}

test("prints a line a second with rate, outcomes, percentiles and versions, and a summary of all", () => {
  const out = row("load", "--mix", "read", "--rate", "50", "--for", "2s", "--seed", "4711");
  assert.match(out, /^read at 50\/s for 2 s on 32 connections, seed 4711$/m);
  assert.match(
    out,
    /^ +1 s +\d+\/s +\d+ ok +\d+ failed +p50 .* p99 .* catalog-v1 \d+ {2}catalog-v2 \d+ \(\d+ failed\)$/m,
  );
  assert.match(out, /^all +\d+ +\d+ /m);
  assert.match(out, /^Answers +200 ×\d+ {2}503 BROKEN ×\d+$/m);
});

test("the seed repeats what is asked and when; every request ends, counted by status and version", () => {
  const json = () => parsed(row("load", "--mix", "read", "--rate", "60", "--for", "2s", "--seed", "12", "--json"));
  const [first, second] = [json(), json()];
  for (const { seconds, summary } of [first, second]) {
    assert.equal(summary.requests, summary.due);
    assert.equal(
      seconds.reduce((sum, { requests }) => sum + requests, 0),
      summary.due,
    );
    assert.equal(summary.statuses["503 BROKEN"], summary.failed);
    assert.equal(summary.versions["catalog/v2"]?.failed, summary.failed);
    assert.equal(summary.versions["catalog/v1"]?.failed, 0);
    assert.equal(summary.isCutShort, false);
  }
  const asked = ({ kinds }: LoadSummary) => Object.entries(kinds).map(([kind, { requests }]) => [kind, requests]);
  assert.deepEqual(new Map(asked(second.summary) as []), new Map(asked(first.summary) as []));
  assert.equal(first.summary.due, second.summary.due);
});

test("Ctrl-C ends it in order, with a summary of what there was", async () => {
  const child = spawn(process.execPath, [main, "load", "--mix", "read", "--for", "10m", "--json"], { env });
  const out = text(child.stdout);
  child.stdout.once("data", () => child.kill("SIGINT"));
  const { summary } = parsed(await out);
  assert.equal(child.exitCode ?? (await new Promise((done) => child.once("exit", done))), 0);
  assert.equal(summary.isCutShort, true);
  assert.equal(summary.requests, summary.due);
});

test("a detached load is a process of the shop that the status shows, until it is told to stop", () => {
  assert.match(
    row("load", "--mix", "read", "--for", "10m", "--detach"),
    /^The shop is loaded: read at 20\/s for 600 s/,
  );
  const status = shop();
  assert.equal(status.state, "ready");
  assert.ok(status.processes.some(({ name, state }) => name === "load" && state === "ready"));
  assert.match(row("load", "status"), /^read at 20\/s for 600 s .* begun /);
  const { isRunning, wish } = JSON.parse(row("load", "status", "--json"));
  assert.deepEqual([isRunning, wish.mix], [true, "read"]);
  assert.match(
    run("load", "--detach").stderr,
    /^Cannot start a load: one runs already; end it with `npx row load stop`/,
  );
  assert.match(row("load", "stop"), /were due in .* ended before its time/);
  assert.ok(!shop().processes.some(({ name }) => name === "load"));
  assert.equal(row("load", "stop"), "No load runs.\n");
});

test("a detached load that is done leaves its summary and nothing else", async () => {
  row("load", "--mix", "read", "--for", "1s", "--detach");
  while (shop().processes.some(({ name }) => name === "load")) await sleep(100);
  assert.equal(shop().state, "ready");
  const { isRunning, summary } = JSON.parse(row("load", "status", "--json"));
  assert.equal(isRunning, false);
  assert.equal(summary.requests, summary.due);
  assert.match(row("load", "status"), /were due in/);
});

test("a detached load that cannot enter the shop says why, and is not tried again", () => {
  const { status, stderr } = run("load", "--mix", "order", "--detach");
  assert.equal(status, 1);
  assert.match(stderr, /^load has ended \(exit code 1\): .*Cannot load the shop/);
  assert.ok(!shop().processes.some(({ name }) => name === "load"));
});

test("refuses what it cannot do, by the flag and with what would do", () => {
  const cases: [string[], RegExp][] = [
    [["--mix", "war"], /^Cannot load the shop with --mix war: there are read, mixed, order$/],
    [["--rate", "0"], /^Cannot load the shop with --rate 0: give a number above 0, at most 5000$/],
    [["--rate", "many"], /^Cannot load the shop with --rate many/],
    [["--for", "1 day"], /^Cannot load the shop with --for 1 day: write 30s, 5m or 2h, at most 24h$/],
    [["--connections", "1.5"], /^Cannot load the shop with --connections 1.5: give a whole number from 1 to 1000$/],
    [["--seed", "-1"], /^Cannot load the shop with --seed -1/],
  ];
  for (const [flags, says] of cases) {
    const { status, stderr } = run("load", ...flags);
    assert.equal(status, 1, flags.join(" "));
    assert.match(stderr.trim(), says);
  }
});

test("the load goes when its shop goes", () => {
  row("load", "--mix", "read", "--for", "10m", "--detach");
  const { pid } = shop().processes.find(({ name }) => name === "load") ?? {};
  row("down");
  assert.throws(() => process.kill(pid ?? 0, 0), { code: "ESRCH" });
  assert.match(row("load", "status"), /ended before its time/);
  assert.match(run("load").stderr, /^The shop is not running/);
});
