/** `row check` on a laptop: what it says of the machine, and of a shop that runs, stands still or lacks something. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, rmSync, utimesSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Finding } from "@row/laptop/checkup/finding.ts";
import type { ShopStatus } from "@row/laptop/shop/shop-status.ts";
import { removeState } from "@row/laptop/stores/infrastructure.ts";
import { durableOf } from "@row/runtime/events/stream-names.ts";
import { portBase } from "@row/tests/harness/ports.ts";
import { afterAll, beforeEach, test } from "vitest";
import { ANSWERING_SERVICE, smallProject, writeInto } from "../../laptop/test/small-project.ts";

const EVENT = "shop.orders.v1.OrderPlaced";
const LATER = "shop.orders.v1.OrderShipped";
const valuesFor = (...events: string[]) =>
  `name: echo\nport: 5070\nadminPort: 6070\nredis: [cache]\nconsumes: [${events.join(", ")}]\n`;
const project = smallProject({
  "services/echo/service.yaml": valuesFor(EVENT),
  "services/echo/src/main.ts": ANSWERING_SERVICE,
});
cpSync(resolve(import.meta.dirname, "../../gen/contracts.binpb"), join(project.root, "gen/contracts.binpb"));
const base = await portBase();
const env = { ...process.env, ROW_ROOT: project.root, ROW_PORT_BASE: String(base), ROW_STATE_DIR: "" };
const main = resolve(import.meta.dirname, "../src/main.ts");

beforeEach(() => mkdirSync(project.stateDir, { recursive: true }));
afterAll(() => {
  run(["down"]);
  removeState(project.stateDir);
  project.remove();
});

function run(args: readonly string[], extra: NodeJS.ProcessEnv = {}) {
  return spawnSync(process.execPath, [main, ...args], { env: { ...env, ...extra }, encoding: "utf8" });
}

function check(extra?: NodeJS.ProcessEnv): { status: number | null; findings: Finding[] } {
  const { status, stdout, stderr } = run(["check", "--json"], extra);
  assert.equal(stderr, "");
  return { status, ...JSON.parse(stdout) };
}

function about(findings: readonly Finding[], subject: string): Finding[] {
  const found = findings.filter((one) => one.subject === subject);
  assert.ok(found.length > 0, `nothing about ${subject}: ${JSON.stringify(findings)}`);
  return found;
}

test("says line by line what was looked at, and ends well where nothing keeps a shop from starting", () => {
  const { status, stdout, stderr } = run(["check"]);
  assert.equal(stderr, "");
  for (const line of stdout.trimEnd().split("\n")) assert.match(line, /^[✓!] {2}\S+ {2,}\S|^ +→ \S/);
  for (const subject of ["node", "haproxy", "nats-server", "redis-server", "ports", "disk", "clock", "state", "shop"]) {
    assert.match(stdout, new RegExp(`^[✓!] {2}${subject} `, "m"));
  }
  assert.match(stdout, /^✓ {2}ports +all \d+ are free$/m);
  assert.equal(status, 0);
});

test("a server that is older than what tests run on is a warning, one that does not start is wrong", (context) => {
  const folder = join(project.root, "bin");
  context.onTestFinished(() => rmSync(folder, { recursive: true }));
  writeInto(folder, "nats-server", "#!/bin/sh\necho 'nats-server: v2.1.9'\n");
  writeInto(folder, "redis-server", "#!/bin/sh\nexit 127\n");
  for (const name of ["nats-server", "redis-server"]) chmodSync(join(folder, name), 0o755);
  const { status, findings } = check({ PATH: `${folder}${delimiter}${process.env.PATH}` });
  assert.equal(status, 1);
  const [nats] = about(findings, "nats-server");
  assert.deepEqual([nats?.outcome, nats?.says], ["warning", `2.1.9 (${folder}/nats-server) is older than 2.9`]);
  const [redis] = about(findings, "redis-server");
  assert.deepEqual([redis?.outcome, redis?.says], ["bad", `${folder}/redis-server does not tell its version`]);
});

test("names a port that somebody else has, and who that is", async (context) => {
  const server = createServer();
  context.onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(base + 70, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // of a TCP socket
  const { status, findings } = check();
  assert.equal(status, 1);
  const [finding] = about(findings, "ports");
  assert.match(finding?.says ?? "", new RegExp(`^${port} \\(echo\\) is taken by pid ${process.pid} \\(`));
  assert.equal(finding?.outcome, "bad");
});

test("names a secret that others can read, and the line that it prints takes that away", () => {
  writeInto(project.stateDir, "secrets.json", "{}");
  chmodSync(join(project.stateDir, "secrets.json"), 0o644);
  const { status, findings } = check();
  assert.equal(status, 1);
  const [{ says = "", advice = "" } = {}] = about(findings, "state");
  assert.equal(says, `${join(project.stateDir, "secrets.json")} can be read by others`);
  const [, command = ""] = /`(.*)`/.exec(advice) ?? [];
  assert.equal(spawnSync("sh", ["-c", command]).status, 0, command);
  assert.equal(about(check().findings, "state")[0]?.outcome, "good");
});

test("notices a clock that is behind what the shop wrote last", () => {
  writeInto(project.stateDir, "logs/orders-v1-1.log", "");
  const later = new Date(Date.now() + 3_600_000);
  utimesSync(join(project.stateDir, "logs/orders-v1-1.log"), later, later);
  const { status, findings } = check();
  rmSync(join(project.stateDir, "logs"), { recursive: true });
  assert.equal(status, 1);
  assert.match(about(findings, "clock")[0]?.says ?? "", /^is 3\d{3} s behind what was written last, at /);
});

test("of a shop that runs it names what is stopped and what events lack, and says what mends it", async () => {
  assert.equal(run(["up", "--detach", "--no-mesh"]).status, 0);
  const well = check();
  assert.equal(well.status, 0, JSON.stringify(well.findings));
  assert.match(about(well.findings, "ports")[0]?.says ?? "", /^all \d+ are free or this shop's \([1-9]\d*\)$/);
  assert.match(about(well.findings, "shop")[0]?.says ?? "", /^is ready: processes \d+, sidecars 0$/);
  assert.match(about(well.findings, "events")[0]?.says ?? "", /^every stream \(\d+\) and consumer \(1\) is there$/);

  assert.equal(run(["stop", "echo"]).status, 0);
  const stopped = check();
  assert.equal(stopped.status, 1);
  const [{ says = "", advice = "" } = {}] = about(stopped.findings, "shop");
  assert.equal(says, "echo-v1-1 is stopped");
  const [, command = ""] = /`npx row (.*)`/.exec(advice) ?? [];
  assert.equal(run(command.split(" ")).status, 0, advice);
  assert.equal(about(check().findings, "shop")[0]?.outcome, "good");

  // What is merely lost the shop makes again by itself; what it was started without it does not know of.
  writeInto(project.root, "services/echo/service.yaml", valuesFor(EVENT, LATER));
  const lacking = check();
  assert.equal(lacking.status, 1);
  const [missing] = about(lacking.findings, "events");
  assert.equal(missing?.says, `the consumer ${durableOf("echo", LATER)} of ORDERS is missing`);
  assert.match(missing?.advice ?? "", /^start the shop anew/);
});

test("names what goes on without its supervisor", async () => {
  const { pid }: ShopStatus = JSON.parse(run(["status", "--json"]).stdout);
  assert.ok(pid);
  process.kill(pid, "SIGKILL");
  while (run(["status"]).status === 0) await sleep(50);
  const { status, findings } = check();
  assert.equal(status, 1);
  assert.match(about(findings, "shop")[0]?.says ?? "", /^\d+ processes go on whose supervisor has ended: /);
  assert.equal(about(findings, "ports")[0]?.outcome, "good", "they are still this shop's");
});
