import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { jetstreamManager } from "@nats-io/jetstream";
import { Secrets } from "@row/laptop/secrets.ts";
import { POSTGRES_ADMIN, postgresUrl, preparePostgres, removePostgres } from "@row/laptop/stores/postgres.ts";
import { RunRecord } from "@row/laptop/supervisor/run-record.ts";
import { SupervisedProcess } from "@row/laptop/supervisor/supervised-process.ts";
import { copyCluster } from "@row/tests/harness/copied-cluster.ts";
import { freePort } from "@row/tests/harness/ports.ts";
import pg from "pg";
import { pino } from "pino";
import { registry } from "../src/contract.ts";
import { readMigrations } from "../src/database/migrations.ts";
import type { Nats } from "../src/events/nats.ts";
import { consumerConfig, deadLetterStreamConfig, streamConfigs, streamOf } from "../src/events/stream-names.ts";

export const log = pino({ level: process.env.LOG_LEVEL ?? "silent" });

const migrations = readMigrations(fileURLToPath(new URL("../prisma", import.meta.url)));

/** A real Postgres on a port and in a folder of its own, with the runtime's tables in a database per test. */
export async function startPostgres() {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "row-postgres-"));
  await copyCluster(folder);
  const secrets = new Secrets(folder);
  const spec = await preparePostgres(folder, port, secrets, { isThrowaway: true });
  // Tests hold it still for longer than its supervisor would bear.
  const server = new SupervisedProcess({ ...spec, isAlive: undefined }, new RunRecord(folder), () => {});
  const start = async () => {
    server.start();
    await server.whenReady(60_000);
  };
  const postmaster = () => {
    if (server.pid === undefined) throw new Error("Postgres does not run");
    return server.pid;
  };
  const url = (database: string) => postgresUrl(POSTGRES_ADMIN, secrets, port, database);
  await start();
  return {
    port,
    url,
    async database(name: string) {
      const admin = new pg.Client({ connectionString: url("postgres") });
      await admin.connect();
      await admin.query(`CREATE DATABASE "${name}"`);
      await admin.end();
      const pool = new pg.Pool({ connectionString: url(name), max: 5 });
      pool.on("error", () => {});
      for (const { script } of migrations) await pool.query(script);
      return { url: url(name), pool };
    },
    start,
    stop: () => server.stop(),
    /** Stands still with all its connections, as behind a network that lost the way there. */
    freeze: () => signalAll(postmaster(), "SIGSTOP"),
    thaw: () => signalAll(postmaster(), "SIGCONT"),
    async remove() {
      await server.stop();
      removePostgres(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Signals a process and its children; the parent first, so that it makes no more of them. */
function signalAll(pid: number, signal: NodeJS.Signals): void {
  process.kill(pid, signal);
  for (const line of execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n")) {
    const [child, parent] = line.trim().split(/\s+/).map(Number);
    if (child === undefined || parent !== pid) continue;
    try {
      process.kill(child, signal);
    } catch {} // it has ended meanwhile
  }
}

/** A real nats-server with JetStream, which keeps its files over stop and start. */
export async function startNats(authorization = "") {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "row-nats-"));
  const program = ["/usr/sbin/nats-server", "/usr/local/bin/nats-server"].find(existsSync) ?? "nats-server";
  const configuration = join(folder, "nats.conf");
  writeFileSync(
    configuration,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${join(folder, "data")}" }\n${authorization}\n`,
  );
  let running: ChildProcess | undefined;
  const start = async () => {
    running = spawn(program, ["-c", configuration], { stdio: "ignore" });
    await untilListening(port);
  };
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    const process = running;
    running = undefined;
    if (!process || process.exitCode !== null) return;
    const gone = new Promise((resolve) => process.once("exit", resolve));
    process.kill(signal);
    await gone;
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    start,
    stop,
    async remove() {
      await stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.unref();
      socket.once("connect", () => socket.destroy());
    });
    if (open) return;
    await sleep(25);
  }
  throw new Error(`Nothing listens on port ${port}`);
}

/** Creates the streams of the contracts and the durable consumers a service reads through, as `row up` does. */
export async function provision(nats: Nats, service: string, events: readonly string[]): Promise<void> {
  const { streams, consumers } = await jetstreamManager(nats.connection);
  for (const config of [...streamConfigs(registry), deadLetterStreamConfig()]) await streams.add(config);
  for (const event of events) await consumers.add(streamOf(event), consumerConfig(service, event));
}

/** Waits until `condition` holds; fails with its name otherwise. */
export async function eventually(
  name: string,
  condition: () => boolean | Promise<boolean>,
  seconds = 10,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    if (await condition()) return;
    await sleep(10);
  }
  throw new Error(`Waited ${seconds} s in vain: ${name}`);
}
