// What the stores are configured with, given to real servers: what they would refuse in a cluster they refuse here.

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { registry } from "@row/runtime/contract.ts";
import { connectNats, type Nats } from "@row/runtime/events/nats.ts";
import { DEAD_LETTERS, durableOf, eventsIn, streamOf } from "@row/runtime/events/stream-names.ts";
import { freePort } from "@row/tests/harness/ports.ts";
import { afterAll, beforeAll, describe, test } from "vitest";
import { startPostgres } from "../../runtime/test/harness.ts";
import { redis } from "../src/infrastructure/redis.ts";
import { ShopPlan } from "../src/shop.ts";
import { core, field, root, shop, workload } from "./manifests.ts";

const NATS_PORT = await freePort();
const MONITOR_PORT = await freePort();
const REDIS_PORT = await freePort();
// Debian has the servers where only root looks.
const PATH = [process.env.PATH, "/usr/sbin", "/usr/local/sbin"].join(delimiter);

const folder = mkdtempSync(join(tmpdir(), "row-stores-"));
const running: ChildProcess[] = [];
afterAll(async () => {
  await Promise.all(running.map(stop));
  rmSync(folder, { recursive: true, force: true });
});

function configMap(name: string, key: string, objects: readonly object[] = core()): string {
  const found = objects.find(
    (object) => field(object, "kind") === "ConfigMap" && field(object, "metadata", "name") === name,
  );
  const text = field(found, "data", key);
  assert.ok(typeof text === "string", `there is no ${key} in ConfigMap ${name}`);
  return text;
}

function serve(command: string, args: string[], env: Record<string, string>): ChildProcess {
  const child = spawn(command, args, { env: { PATH, ...env }, stdio: "ignore" });
  running.push(child);
  return child;
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** The variables of a pod's first container, each with a password of its own name. */
function passwordsOf(name: string): Record<string, string> {
  const variables = workload(name).containers.flatMap(({ env = [] }) => env);
  return Object.fromEntries(variables.map((variable) => [variable.name, passwordFor(variable.name)]));
}

// As k8s/secrets.sh makes them.
function passwordFor(name: string): string {
  return `p${Buffer.from(name).toString("hex")}`.slice(0, 49).padEnd(49, "0");
}

function natsAs(user: string, password = passwordFor(`NATS_PASSWORD_${user.toUpperCase()}`)): Promise<Nats> {
  return connectNats({ url: `nats://127.0.0.1:${NATS_PORT}`, user, password, timeoutMs: 2_000 });
}

describe("NATS", () => {
  beforeAll(async () => {
    const text = configMap("nats", "nats.conf")
      .replace("0.0.0.0:4222", `127.0.0.1:${NATS_PORT}`)
      .replace("0.0.0.0:8222", `127.0.0.1:${MONITOR_PORT}`)
      .replace('"/data"', JSON.stringify(join(folder, "nats")));
    writeFileSync(join(folder, "nats.conf"), text);
    serve("nats-server", ["--config", join(folder, "nats.conf")], passwordsOf("nats"));
    await eventually(() => fetch(`http://127.0.0.1:${MONITOR_PORT}/healthz`).then(({ ok }) => ok));
  });

  test("takes the users' passwords from its environment, and no other", async () => {
    for (const { name } of shop.natsUsers) await (await natsAs(name)).close();
    await assert.rejects(natsAs("orders", "$NATS_PASSWORD_ORDERS"), /it refuses user "orders"/);
  });

  test("has every stream and consumer once the Job has run, and twice is as good", async () => {
    const [container] = workload("nats-streams").containers;
    const CONSUMERS = container?.env?.find(({ name }) => name === "CONSUMERS")?.value ?? "";
    const env = {
      NATS_URL: `nats://127.0.0.1:${NATS_PORT}`,
      NATS_USER: "row",
      NATS_PASSWORD: passwordFor("NATS_PASSWORD_ROW"),
      CONSUMERS,
    };
    const program = container?.command?.[1]?.replace("/app", root) ?? "";
    for (const _ of [1, 2]) execFileSync(process.execPath, [program], { env, stdio: "pipe" });
    const row = await natsAs("row");
    const manager = await row.js.jetstreamManager();
    for (const { stream } of eventsIn(registry)) assert.equal((await manager.streams.info(stream)).config.name, stream);
    assert.ok(await manager.streams.info(DEAD_LETTERS));
    for (const { name, consumes } of shop.meshed) {
      for (const event of consumes) assert.ok(await manager.consumers.info(streamOf(event), durableOf(name, event)));
    }
    await row.close();
    const wrong = { ...env, CONSUMERS: "catalog=shop.nobody.v1.NothingHappened" };
    assert.throws(
      () => execFileSync(process.execPath, [program], { env: wrong, stdio: "pipe" }),
      /no contract declares/,
    );
  });

  test("lets a service read what it listens to, and nobody else", async () => {
    const listeners = shop.natsUsers.flatMap(({ name, consumes }) => consumes.map((event) => ({ name, event })));
    assert.ok(listeners.length > 0);
    for (const { name, event } of listeners) {
      const [stream, durable] = [streamOf(event), durableOf(name, event)];
      const own = await natsAs(name);
      assert.equal((await (await own.js.consumers.get(stream, durable)).info()).name, durable);
      await own.close();
      const other = await natsAs(shop.natsUsers.find((user) => user.name !== name)?.name ?? "");
      await assert.rejects(other.js.consumers.get(stream, durable), /[Pp]ermission/);
      await other.close();
    }
  });

  test("lets a service publish every event of its own contract, and none of another's", async () => {
    for (const { name } of shop.natsUsers) {
      const { connection } = await natsAs(name);
      const refused: string[] = [];
      void (async () => {
        for await (const status of connection.status()) if (status.type === "error") refused.push(String(status.error));
      })();
      const own = eventsIn(registry).filter(({ domain }) => domain === name);
      for (const event of own) connection.publish(event.name);
      await connection.flush();
      assert.deepEqual(refused, [], name);
      const other = eventsIn(registry).find(({ domain }) => domain !== name);
      connection.publish(other?.name ?? "");
      connection.publish(`dead.other.${other?.name}`);
      await connection.flush();
      await eventually(() => refused.length === 2);
      await connection.close();
    }
  });
});

test("Redis lets in the users of its Secret, lets a probe ask whether it is there, and nobody else", async (context) => {
  const [cart] = shop.meshed;
  assert.ok(cart);
  const services = [...shop.meshed, { ...cart, name: "cart", redis: ["durable" as const] }];
  const objects = redis("durable", new ShopPlan({ root, services, publishes: () => false }));
  const etc = join(folder, "etc");
  const data = join(folder, "data");
  for (const path of [etc, data]) mkdirSync(path);
  const local = (text: string) =>
    text
      .replaceAll("/run/redis", etc)
      .replaceAll("/etc/redis", etc)
      .replace("dir /data", `dir ${data}`)
      .replace("bind * -::*", "bind 127.0.0.1")
      .replace("port 6379", `port ${REDIS_PORT}`);
  for (const file of ["redis.conf", "start.sh"]) {
    writeFileSync(join(etc, file), local(configMap("redis-durable", file, objects)));
  }
  const passwords = { PASSWORD_OF_ROW: passwordFor("row"), PASSWORD_OF_CART: passwordFor("cart") };
  const server = serve("sh", [join(etc, "start.sh")], passwords);
  context.onTestFinished(() => stop(server));
  const ask = (user: string, pass: string, ...command: string[]) => {
    const args = ["-p", String(REDIS_PORT), "--no-auth-warning", "--user", user, "--pass", pass, ...command];
    return execFileSync("redis-cli", args, { encoding: "utf8", stdio: "pipe", env: { PATH } }).trim();
  };
  await eventually(() => ask("health", "health", "ping") === "PONG");
  assert.match(ask("health", "health", "get", "a"), /NOPERM/);
  assert.equal(ask("cart", passwords.PASSWORD_OF_CART, "set", "a", "1"), "OK");
  assert.match(ask("cart", passwords.PASSWORD_OF_CART, "config", "get", "*"), /NOPERM/);
  assert.match(ask("cart", passwords.PASSWORD_OF_ROW, "get", "a"), /NOAUTH|WRONGPASS/);
  assert.match(ask("row", passwords.PASSWORD_OF_ROW, "config", "get", "maxmemory-policy"), /noeviction/);
  assert.match(
    execFileSync("redis-cli", ["-p", String(REDIS_PORT), "ping"], { encoding: "utf8", env: { PATH } }),
    /NOAUTH/,
  );
});

test("the Job makes every database and role, again as well, and keeps each to its owner", async (context) => {
  context.skip(!isThere("psql"), "there is no psql");
  const postgres = await startPostgres();
  context.onTestFinished(() => postgres.remove());
  const roles = join(folder, "roles");
  mkdirSync(roles);
  const script = configMap("postgres-databases", "databases.sh").replaceAll("/roles/", `${roles}/`);
  const { username, password } = new URL(postgres.url("postgres"));
  const env = { PATH, PGHOST: "127.0.0.1", PGPORT: String(postgres.port), PGUSER: username, PGPASSWORD: password };
  const run = () => execFileSync("bash", ["-c", script], { env, encoding: "utf8" });
  const as = (role: string, password: string, database: string) =>
    execFileSync("psql", ["-qtAc", "select current_user", "-d", database], {
      env: { ...env, PGUSER: role, PGPASSWORD: password },
      encoding: "utf8",
      stdio: "pipe",
    }).trim();
  for (const role of ["orders", "card-gateway"]) writeFileSync(join(roles, role), `it's ${role}`);
  assert.match(run(), /orders has its database/);
  assert.equal(as("orders", "it's orders", "orders"), "orders");
  assert.equal(as("card-gateway", "it's card-gateway", "card-gateway"), "card-gateway");
  assert.throws(() => as("orders", "it's orders", "card-gateway"), /permission denied for database/);
  assert.throws(() => as("orders", "it's not", "orders"), /authentication failed/);
  writeFileSync(join(roles, "orders"), "another");
  run();
  assert.equal(as("orders", "another", "orders"), "orders");
});

function isThere(program: string): boolean {
  return PATH.split(delimiter).some((path) => {
    try {
      execFileSync(join(path, program), ["--version"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    try {
      if (await condition()) return;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("Waited 10 s in vain");
}
