import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { headers } from "@nats-io/transport-node";
import { connectAsAdmin } from "@row/laptop/provision/streams.ts";
import { startShop } from "@row/laptop/shop/shop.ts";
import type { ShopStatus } from "@row/laptop/shop/shop-status.ts";
import { removeState } from "@row/laptop/stores/infrastructure.ts";
import { checkPortsAreFree, namedStorePorts } from "@row/laptop/stores/ports.ts";
import { identify, isAlive } from "@row/laptop/supervisor/process-identity.ts";
import { deadSubject } from "@row/runtime/events/stream-names.ts";
import { portBase } from "@row/tests/harness/ports.ts";
import { Client } from "pg";
import { afterAll, test } from "vitest";
import { ANSWERING_SERVICE, FAILING_SERVICE, smallProject, writeInto } from "../../laptop/test/small-project.ts";

const project = smallProject({
  "services/echo/service.yaml": "name: echo\nport: 5070\nadminPort: 6070\npostgres: true\nredis: [cache]\n",
  "services/echo/src/main.ts": ANSWERING_SERVICE,
  "services/bank/service.yaml": "name: bank\nport: 5490\nkind: outside\n",
  "services/bank/src/main.ts": ANSWERING_SERVICE,
});
cpSync(resolve(import.meta.dirname, "../../gen/contracts.binpb"), join(project.root, "gen/contracts.binpb"));
// Services that do nothing but answer have no contracts to mesh by: with sidecars, see mesh.test.ts.
const base = await portBase();
const installation = { root: project.root, stateDir: project.stateDir, portBase: base, mesh: false };
const env = { ...process.env, ROW_ROOT: project.root, ROW_PORT_BASE: String(base), ROW_STATE_DIR: "" };
const main = resolve(import.meta.dirname, "../src/main.ts");

afterAll(() => {
  spawnSync(process.execPath, [main, "down"], { env });
  removeState(project.stateDir);
  project.remove();
});

function row(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { env, encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

function readStatus(): ShopStatus {
  return JSON.parse(row("status", "--json").out);
}

test("runs, restarts what dies, and stops everything in order", async () => {
  const shop = await startShop({ ...installation, env: { COLOUR: "red" }, envOf: { bank: { COLOUR: "blue" } } });
  assert.equal(shop.process("echo").address, `127.0.0.1:${base + 70}`);
  assert.equal(shop.process("echo").env.COLOUR, "red");
  assert.equal(shop.process("bank").env.COLOUR, "blue");
  await assert.rejects(startShop(installation), /running already \(pid \d+\)/);

  const first = shop.process("echo-v1-1").pid;
  shop.kill("echo");
  while (shop.process("echo").pid === first) await sleep(5);
  await shop.whenReady("echo");
  assert.equal(shop.process("echo").restarts, 1);

  await shop.halt("nats");
  assert.equal((await shop.status()).state, "degraded");
  await shop.resume("nats");
  const status = await shop.status();
  assert.equal(status.state, "ready");
  assert.deepEqual(status.backlogs, { outbox: { echo: 0 }, outboxSeconds: { echo: 0 }, sagas: null, deadLetters: 0 });

  const database = new Client({ connectionString: shop.infrastructure.adminUrl("echo") });
  await database.connect();
  await database.query("create schema if not exists runtime");
  await database.query(
    "create table runtime.outbox (position bigserial, created_time timestamptz, published_time timestamptz)",
  );
  await database.query("insert into runtime.outbox (created_time) values (clock_timestamp() - interval '25 s')");
  assert.equal((await shop.status()).state, "ready");
  await database.query("update runtime.outbox set created_time = clock_timestamp() - interval '42 s'");
  const stuck = await shop.status();
  assert.equal(stuck.state, "degraded");
  assert.match(stuck.problems.join(), /^the outbox of echo is stuck: its oldest event has waited for 4\d s$/);
  await database.query("drop table runtime.outbox");
  await database.end();

  const family = shop.processes.map(({ pid }) => identify(pid ?? 0));
  assert.equal(family.length, 5);
  await shop.stop();
  assert.deepEqual(
    family.filter((member) => member && isAlive(member)),
    [],
  );
  assert.match(readFileSync(join(project.stateDir, "logs/echo-v1-1.log"), "utf8"), /left in an orderly way/);
  assert.match(readFileSync(join(project.stateDir, "logs/postgres.log"), "utf8"), /database system is shut down\n$/);
  await checkPortsAreFree(namedStorePorts(shop.installation, [{ redis: ["cache"] }]));
  assert.ok(!existsSync(join(project.stateDir, "processes.json")));
});

test("runs in the background, answers status, refuses a second start and recovers after the supervisor was killed", async () => {
  const started = row("up", "--detach", "--no-mesh");
  assert.equal(started.code, 0, started.err);
  assert.match(started.out, /The shop is ready/);
  const status = readStatus();
  assert.equal(status.state, "ready");
  assert.deepEqual(status.processes.map(({ name }) => name).sort(), [
    "bank",
    "echo",
    "nats",
    "postgres",
    // Not the durable one, in which no service keeps anything.
    "redis-cache",
  ]);
  const second = row("up", "--no-mesh");
  assert.deepEqual([second.code, second.out], [1, ""]);
  assert.match(second.err, /running already/);

  process.kill(status.pid ?? 0, "SIGKILL");
  const orphans = status.processes.map(({ pid }) => identify(pid ?? 0));
  assert.ok(orphans.every((orphan) => orphan && isAlive(orphan)));
  const unsupervised = row("status");
  assert.equal(unsupervised.code, 1);
  assert.match(unsupervised.out, /^The shop runs without its supervisor, which has ended: 5 processes go on/);
  const left = readStatus();
  assert.deepEqual([left.running, left.state], [false, "unsupervised"]);
  assert.deepEqual(left.processes.map(({ pid }) => pid).sort(), status.processes.map(({ pid }) => pid).sort());
  assert.match(row("dlq", "list").err, /^The supervisor of this shop has ended, while 5 processes go on/);
  const again = row("up", "--detach", "--no-mesh");
  assert.equal(again.code, 0, again.err);
  assert.match(again.out, /stopped echo-v1-1, left over from an earlier run/);
  assert.deepEqual(
    orphans.filter((orphan) => orphan && isAlive(orphan)),
    [],
  );
  assert.match(row("down").out, /The shop is stopped/);
  assert.match(row("down").out, /not running/);
});

test("lists, shows, replays and drops dead letters", async () => {
  const event = "shop.orders.v1.OrderShipped";
  const shop = await startShop(installation);
  const connection = await connectAsAdmin(shop.infrastructure.ports.nats, shop.infrastructure.secrets);
  const sent = headers();
  sent.set("x-dead-error", "Cannot apply it");
  for (let count = 0; count < 2; count += 1)
    await connection.request(deadSubject("catalog", event), "", { headers: sent, timeout: 2_000 });
  await connection.close();

  // The command runs in a process of its own, so this one must stay free to answer it.
  // Nor need it be told where the shop's ports are: the state folder tells.
  const { ROW_PORT_BASE: _, ...elsewhere } = env;
  const run = async (...args: string[]) => {
    const child = spawn(process.execPath, [main, "dlq", ...args], {
      env: elsewhere,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return out + err;
  };
  assert.match(await run("list"), /^1 .* catalog +shop\.orders\.v1\.OrderShipped .* Cannot apply it$/m);
  assert.equal(JSON.parse(await run("show", "1")).payload.orderId, "");
  assert.match(await run("replay", "1"), /^Published shop\.orders\.v1\.OrderShipped again for catalog/);
  assert.match(await run("drop", "all"), /^Deleted dead letter 2/);
  assert.equal(await run("list"), "There are no dead letters.\n");
  assert.match(await run("show", "2"), /^Cannot find dead letter 2/);
  await shop.stop();
});

test("stops cleanly on Ctrl-C, also while it is still starting", async () => {
  for (const when of [/nats ready/, /The shop is ready/]) {
    const child = spawn(process.execPath, [main, "up", "--no-mesh"], { env, stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) {
      out += chunk;
      if (when.test(out)) child.kill("SIGINT");
    }
    assert.match(out, /Stopping…/);
    assert.ok(!existsSync(join(project.stateDir, "processes.json")));
    await checkPortsAreFree(namedStorePorts(installation, [{ redis: ["cache"] }]));
  }
});

test("stops what it started when a service cannot start, and says why without a stack", async () => {
  writeInto(project.root, "services/echo/src/main.ts", FAILING_SERVICE);
  const { code, err } = row("up", "--no-mesh");
  assert.equal(code, 1);
  assert.match(err, /^echo-v1-1 keeps stopping \(exit code 1\): Cannot start: FLAVOUR is missing\nIts log is \S+\n$/);
  await checkPortsAreFree(namedStorePorts(installation, [{ redis: ["cache"] }]));
});
