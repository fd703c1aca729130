import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { durableOf, inboxPrefix } from "@row/runtime/events/stream-names.ts";
import { portBase } from "@row/tests/harness/ports.ts";
import { Client } from "pg";
import { afterAll, beforeAll, test } from "vitest";
import { provision, seedServices } from "../src/provision/provision.ts";
import { connectAsAdmin } from "../src/provision/streams.ts";
import { type Infrastructure, startInfrastructure } from "../src/stores/infrastructure.ts";
import { PROBE_STREAM } from "../src/stores/nats.ts";
import { smallProject } from "./small-project.ts";

const PLACED = "shop.orders.v1.OrderPlaced";
const MIGRATION = `
create table things (name text primary key);
create function shout(word text) returns text language plpgsql as $$ begin word := upper(word); return word; end $$;
`;
const SEED = `
import pg from "${import.meta.resolve("pg")}";
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query("insert into things values ($1)", [process.env.DEMO_PASSWORD]);
await client.end();
`;

const project = smallProject({
  "services/orders/service.yaml":
    "name: orders\nport: 5070\nadminPort: 6070\npostgres: true\nredis: [durable, cache]\n",
  "services/orders/prisma/migrations/1_things/migration.sql": MIGRATION,
  "services/orders/prisma/seed.ts": SEED,
  "services/catalog/service.yaml": `name: catalog\nport: 5071\nadminPort: 6071\npostgres: true\nconsumes: [${PLACED}]\n`,
});
for (const path of ["runtime/prisma", "gen/contracts.binpb"]) {
  cpSync(resolve(import.meta.dirname, "../..", path), join(project.root, path), { recursive: true });
}
let infrastructure: Infrastructure;

beforeAll(async () => {
  infrastructure = await startInfrastructure({ ...project, portBase: await portBase() });
  await provision(infrastructure);
});

afterAll(async () => {
  await infrastructure?.destroy();
  project.remove();
});

async function query<Row extends object>(url: string | undefined, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

test("Postgres waits for the disk, unless it is told that nothing is to be kept", async () => {
  assert.deepEqual(await query(infrastructure.adminUrl(), "show fsync"), [{ fsync: "on" }]);
});

/** What Redis answers, line by line: to the user's name and password first. */
async function redis(url: string, ...commands: string[]): Promise<string[]> {
  const { hostname, port, username, password } = new URL(url);
  const socket = connectSocket(Number(port), hostname);
  socket.write([`AUTH ${username} ${password}`, ...commands, "QUIT", ""].join("\r\n"));
  return (await text(socket)).split("\r\n").slice(0, -2);
}

function natsAs(service: string): Promise<NatsConnection> {
  const { NATS_URL, NATS_USER, NATS_PASSWORD } = infrastructure.environmentOf(service);
  return connect({
    servers: NATS_URL,
    user: NATS_USER,
    pass: NATS_PASSWORD,
    inboxPrefix: inboxPrefix(service),
    timeout: 2_000,
  });
}

const permissionViolation = /permissions violation/i;

test("runs a Postgres 18 that keeps every write and listens on loopback alone", async () => {
  const rows = await query(
    infrastructure.adminUrl(),
    "select name, setting from pg_settings where name in ('fsync', 'listen_addresses', 'max_connections', 'server_version_num') order by name",
  );
  const settings = Object.fromEntries(rows.map((row) => Object.values(row)));
  assert.equal(settings.fsync, "on");
  assert.equal(settings.listen_addresses, "127.0.0.1");
  assert.equal(settings.max_connections, "200");
  assert.match(String(settings.server_version_num), /^18/);
});

test("gives each service a database that no other service can open", async () => {
  const own = infrastructure.environmentOf("orders").DATABASE_URL ?? "";
  assert.deepEqual(await query(own, "select current_user as me"), [{ me: "orders" }]);
  await assert.rejects(
    query(own.replace("/orders?", "/catalog?"), "select 1"),
    /permission denied for database "catalog"/,
  );
});

test("applies the runtime's migrations and then the service's, functions included, once", async () => {
  await provision(infrastructure);
  const url = infrastructure.environmentOf("orders").DATABASE_URL;
  assert.deepEqual(await query(url, "select count(*)::int as n from runtime.outbox"), [{ n: 0 }]);
  assert.deepEqual(await query(url, "select shout('loud') as word"), [{ word: "LOUD" }]);
  assert.deepEqual(await query(url, "select migration_name from public._prisma_migrations"), [
    { migration_name: "1_things" },
  ]);
});

test("seeds a database with the demo password, once", async () => {
  assert.deepEqual(await seedServices(infrastructure), ["orders"]);
  assert.deepEqual(await seedServices(infrastructure), []);
  const rows = await query(infrastructure.environmentOf("orders").DATABASE_URL, "select name from things");
  assert.deepEqual(rows, [{ name: infrastructure.secrets.demoPassword }]);
});

test("makes a stream per domain and a durable consumer per event a service listens to", async () => {
  const connection = await connectAsAdmin(infrastructure.ports.nats, infrastructure.secrets);
  const manager = await jetstreamManager(connection);
  const { config } = await manager.streams.info("ORDERS");
  assert.deepEqual(config.subjects, ["shop.orders.v1.>"]);
  assert.equal(config.storage, "file");
  const consumer = await manager.consumers.info("ORDERS", durableOf("catalog", PLACED));
  assert.equal(consumer.config.filter_subject, PLACED);
  assert.equal(consumer.config.max_ack_pending, 256);
  await connection.close();
});

test("lets a service publish its own events and read its own consumers, and nothing else", async () => {
  const orders = await natsAs("orders");
  const catalog = await natsAs("catalog");
  const ask = (connection: NatsConnection, subject: string) =>
    connection.request(subject, "", { timeout: 1_000, noMux: true });
  const next = `$JS.API.CONSUMER.MSG.NEXT.ORDERS.${durableOf("catalog", PLACED)}`;

  const { seq } = (await ask(orders, PLACED)).json<{ seq: number }>();
  assert.equal(seq, 1);
  assert.equal((await ask(catalog, next)).subject, PLACED);
  await assert.rejects(ask(catalog, PLACED), permissionViolation);
  await assert.rejects(ask(orders, next), permissionViolation);
  await assert.rejects(ask(orders, "$JS.API.STREAM.DELETE.ORDERS"), permissionViolation);
  await Promise.all([orders.close(), catalog.close()]);
});

test("gives a service a Redis user of its own on each server that its service.yaml names, which administers nothing", async () => {
  const { REDIS_DURABLE_URL = "", REDIS_CACHE_URL = "" } = infrastructure.environmentOf("orders");
  for (const url of [REDIS_DURABLE_URL, REDIS_CACHE_URL]) {
    assert.deepEqual(await redis(url, "SET basket full", "GET basket"), ["+OK", "+OK", "$4", "full"]);
    assert.match((await redis(url, "CONFIG GET maxmemory"))[1] ?? "", /^-NOPERM/);
  }
  const { password } = new URL(REDIS_DURABLE_URL);
  const elsewhere = Object.assign(new URL(REDIS_CACHE_URL), { password });
  assert.match((await redis(String(elsewhere), "PING"))[0] ?? "", /^-WRONGPASS/, "another server's password");
  const told = Object.keys(infrastructure.environmentOf("catalog")).filter((name) => name.startsWith("REDIS"));
  assert.deepEqual(told, [], "a service that names none");
});

test("tells of every store whether it does its work: one that stands still does not", async () => {
  for (const { spec, pid = 0 } of infrastructure.processes) {
    assert.equal(await spec.isAlive?.(), true, spec.name);
    // Postgres's first process only hands out others, which work on without it.
    if (spec.name === "postgres") continue;
    process.kill(pid, "SIGSTOP");
    const answer = await spec.isAlive?.().catch(() => false);
    process.kill(pid, "SIGCONT");
    assert.equal(answer, false, spec.name);
    assert.equal(await spec.isAlive?.(), true, spec.name);
  }
});

test("a NATS that says it is healthy and stores nothing does not do its work", async () => {
  const nats = infrastructure.processes.find(({ spec }) => spec.name === "nats");
  assert.ok(nats);
  const connection = await connectAsAdmin(infrastructure.ports.nats, infrastructure.secrets);
  const { streams } = await jetstreamManager(connection);
  const { config } = await streams.info(PROBE_STREAM);
  await streams.update(PROBE_STREAM, { ...config, no_ack: true });
  assert.equal(await nats.spec.isReady(), true);
  assert.equal(await nats.spec.isAlive?.().catch(() => false), false);
  await streams.update(PROBE_STREAM, { ...config, no_ack: false });
  assert.equal(await nats.spec.isAlive?.(), true);
  await connection.close();
});
