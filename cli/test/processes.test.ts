/** `row stop`, `start`, `restart`, `kill`, `pause` and `resume`, against a shop that runs in the background. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessStatus, ShopStatus } from "@row/laptop/shop/shop-status.ts";
import { removeState } from "@row/laptop/stores/infrastructure.ts";
import { withDescendants } from "@row/laptop/supervisor/process-tree.ts";
import { portBase } from "@row/tests/harness/ports.ts";
import { codeOf } from "@row/topology/row-error.ts";
import { afterAll, beforeAll, test } from "vitest";
import { ANSWERING_SERVICE, smallProject } from "../../laptop/test/small-project.ts";

const project = smallProject({
  "services/echo/service.yaml": "name: echo\nport: 5070\nadminPort: 6070\nredis: [cache]\n",
  "services/echo/src/main.ts": ANSWERING_SERVICE,
});
cpSync(resolve(import.meta.dirname, "../../gen/contracts.binpb"), join(project.root, "gen/contracts.binpb"));
const env = { ...process.env, ROW_ROOT: project.root, ROW_PORT_BASE: String(await portBase()), ROW_STATE_DIR: "" };
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

/** Runs a line that a command printed in backquotes, as a reader would. */
function follow(advice: string): string {
  const [, line = ""] = /`npx row ([^`]+)`/.exec(advice) ?? [];
  return row(...line.split(" "));
}

function shop(): ShopStatus {
  return JSON.parse(row("status", "--json"));
}

function processNamed(name: string): ProcessStatus {
  const found = shop().processes.find((one) => one.name === name);
  assert.ok(found, name);
  return found;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(50);
}

/** "T" for one that is held; undefined for one that has ended. */
function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2)[0];
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return undefined;
    throw error;
  }
}

test("what is stopped stays stopped and makes the shop degraded, until it is started", async () => {
  const said = row("stop", "echo");
  assert.match(said, /^echo-v1-1 is stopped/);
  await sleep(1_000);
  const { state, problems } = shop();
  assert.deepEqual([state, problems], ["degraded", ["echo-v1-1 is stopped"]]);
  assert.equal(processNamed("echo").pid, null);
  assert.equal(follow(said), "echo-v1-1 serves\n");
  assert.equal(shop().state, "ready");
});

test("a store is stopped and started as a service is", () => {
  assert.match(row("stop", "redis-cache"), /^redis-cache is stopped/);
  assert.equal(processNamed("redis-cache").state, "stopped");
  assert.equal(row("start", "redis-cache"), "redis-cache serves\n");
  assert.equal(processNamed("redis-cache").state, "ready");
});

test("a restart answers once another process serves", () => {
  const { pid } = processNamed("echo");
  assert.equal(row("restart", "echo"), "echo-v1-1 serves again\n");
  const now = processNamed("echo");
  assert.equal(now.state, "ready");
  assert.notEqual(now.pid, pid);
});

test("what is killed is started again by the shop", async () => {
  const { pid, restarts } = processNamed("echo");
  assert.equal(row("kill", "echo"), "echo-v1-1 got SIGKILL\n");
  await until(() => processNamed("echo").state === "ready" && processNamed("echo").pid !== pid);
  assert.equal(processNamed("echo").restarts, restarts + 1);
  assert.equal(row("kill", "echo", "--signal", "term"), "echo-v1-1 got SIGTERM\n");
  await until(() => processNamed("echo").restarts === restarts + 2);
  assert.match(run("kill", "echo", "-s", "nothing").stderr, /^Cannot send nothing: there is no such signal\n$/);
});

test.skipIf(process.platform !== "linux")("a store is held with all of its processes, and goes on when told so", () => {
  const said = row("pause", "postgres", "--for", "60");
  assert.match(said, /^postgres is held for 60 s/);
  // Before, some of them come and go.
  const pids = withDescendants(processNamed("postgres").pid ?? 0);
  assert.ok(pids.length > 1, "Postgres has processes of its own");
  assert.deepEqual([...new Set(pids.map(stateOf))], ["T"]);
  const { state, pausedUntil = "" } = processNamed("postgres");
  assert.equal(state, "paused");
  assert.ok(Date.parse(pausedUntil) > Date.now());
  assert.ok(shop().problems.includes(`postgres is paused until ${pausedUntil}`));
  assert.match(row("status"), /^postgres .* paused /m);
  assert.equal(follow(said), "postgres goes on\n");
  assert.ok(!pids.map(stateOf).includes("T"));
  assert.equal(shop().state, "ready");
});

test("what is held goes on by itself when the time is over", async () => {
  row("pause", "echo", "--for", "8");
  assert.equal(processNamed("echo").state, "paused");
  const { pid, restarts } = processNamed("echo");
  await until(() => processNamed("echo").state === "ready");
  assert.deepEqual([processNamed("echo").pid, processNamed("echo").restarts], [pid, restarts]);
  assert.match(
    run("pause", "echo", "--for", "0").stderr,
    /^Cannot pause echo for 0 seconds: give a number up to 600\n$/,
  );
});

test("the logs of processes that are gone are shown only when asked for", () => {
  writeFileSync(join(project.stateDir, "logs/echo-v9-1.log"), "an old line\n");
  const shown = row("logs");
  assert.match(shown, /^postgres +\| /m);
  assert.doesNotMatch(shown, /an old line/);
  assert.match(row("logs", "--all"), /^echo-v9-1 +\| an old line$/m);
  assert.equal(row("logs", "echo-v9-1"), "an old line\n");
});

test("says which processes there are, and when nothing runs", () => {
  for (const verb of ["stop", "start", "restart", "kill", "pause", "resume"]) {
    const { status, stderr } = run(verb, "nothing");
    assert.equal(status, 1);
    assert.match(stderr, /^Unknown process nothing: there are .*echo/, verb);
  }
});

test("a shop with a process that is held stops in order", () => {
  row("pause", "postgres", "--for", "600");
  row("down");
  assert.match(readFileSync(join(project.stateDir, "logs/postgres.log"), "utf8"), /database system is shut down\n$/);
  assert.match(run("stop", "echo").stderr, /^The shop is not running/);
});
