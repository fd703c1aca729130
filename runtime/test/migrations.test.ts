import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, test } from "vitest";
import { applyMigrations, pendingMigrations } from "../src/database/migrations.ts";
import { startPostgres } from "./harness.ts";

const folder = mkdtempSync(join(tmpdir(), "row-migrations-"));
let postgres: Awaited<ReturnType<typeof startPostgres>>;

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres?.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** A prisma folder with these migrations. */
function prismaFolder(name: string, migrations: Readonly<Record<string, string>>): string {
  for (const [migration, script] of Object.entries(migrations)) {
    const path = join(folder, name, "prisma/migrations", migration);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "migration.sql"), script);
  }
  return join(folder, name, "prisma");
}

async function emptyDatabase(name: string): Promise<string> {
  await query(postgres.url("postgres"), `create database "${name}"`);
  return postgres.url(name);
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const FUNCTION = "create function one() returns int language plpgsql as $$ begin return 1; end $$; select one();";

test("applies what is new, in order and once, each schema with a record of its own", async () => {
  const url = await emptyDatabase("in-order");
  const prisma = prismaFolder("a", {
    "1_things": "create table things (n int);",
    "2_more": "alter table things add m int;",
  });
  assert.deepEqual(await pendingMigrations(url, prisma, "own"), ["1_things", "2_more"]);
  assert.deepEqual(await applyMigrations(url, prisma, "own"), ["1_things", "2_more"]);
  assert.deepEqual(await applyMigrations(url, prisma, "own"), []);
  prismaFolder("a", { "3_function": FUNCTION });
  assert.deepEqual(await pendingMigrations(url, prisma, "own"), ["3_function"]);
  assert.deepEqual(await applyMigrations(url, prisma, "own"), ["3_function"]);
  assert.deepEqual(await pendingMigrations(url, prisma, "public"), ["1_things", "2_more", "3_function"]);
  const [record] = await query(url, "select * from own._prisma_migrations where migration_name = '1_things'");
  assert.match(String(record?.checksum), /^[0-9a-f]{64}$/);
  assert.equal(record?.applied_steps_count, 1);
});

test("a migration that fails leaves nothing behind, and goes through once it is right", async () => {
  const url = await emptyDatabase("failing");
  const prisma = prismaFolder("b", { "1_bad": "create table half (n int); insert into nowhere values (1);" });
  await assert.rejects(
    applyMigrations(url, prisma, "public"),
    /Cannot apply .*1_bad: relation "nowhere" does not exist/,
  );
  assert.deepEqual(await query(url, "select to_regclass('half') as half"), [{ half: null }]);
  prismaFolder("b", { "1_bad": "create table half (n int);" });
  assert.deepEqual(await applyMigrations(url, prisma, "public"), ["1_bad"]);
});

test("a migration and its record come together or not at all", async () => {
  const url = await emptyDatabase("together");
  const prisma = prismaFolder("e", { "1_odd": "create table half (n int); drop table _prisma_migrations;" });
  await assert.rejects(applyMigrations(url, prisma, "public"), /Cannot apply .*1_odd: relation "_prisma_migrations"/);
  assert.deepEqual(await query(url, "select to_regclass('half') as half"), [{ half: null }]);
  assert.deepEqual(await pendingMigrations(url, prisma, "public"), ["1_odd"]);
});

test("does not go on from a migration that Prisma's own tools left half-way", async () => {
  const url = await emptyDatabase("half-way");
  const prisma = prismaFolder("c", { "1_things": "create table things (n int);" });
  await applyMigrations(url, prisma, "public");
  await query(url, "update _prisma_migrations set finished_at = null");
  await assert.rejects(applyMigrations(url, prisma, "public"), /Cannot migrate: 1_things has failed half-way/);
});

test("of several that migrate at once each waits for the other, and each migration is applied once", async () => {
  const url = await emptyDatabase("at-once");
  const prisma = prismaFolder("d", { "1_slow": "select pg_sleep(0.2); create table things (n int);" });
  const applied = await Promise.all([1, 2, 3].map(() => applyMigrations(url, prisma, "public")));
  assert.deepEqual(applied.flat(), ["1_slow"]);
});

test("in a service's folder a Job migrates, and an instance waits for just that", async () => {
  const url = await emptyDatabase("a-service");
  const service = join(folder, "service");
  cpSync(new URL("../../services/payments/prisma", import.meta.url), join(service, "prisma"), { recursive: true });
  const waiting = start("wait-for-migrations.ts", service, url);
  await said(waiting, "the migration Job has not applied");
  assert.equal(waiting.exitCode, null);
  const job = start("run-migrations.ts", service, url);
  assert.equal(await ended(job), 0);
  assert.equal(await ended(waiting), 0);
  assert.equal(await ended(start("run-migrations.ts", service, url)), 0);
});

test("an instance waits on while there is no Postgres, and says so", async () => {
  const waiting = start("wait-for-migrations.ts", folder, "postgresql://a:b@127.0.0.1:9/a");
  await said(waiting, "Postgres cannot be asked");
  waiting.kill("SIGTERM");
  assert.equal(await ended(waiting), 143);
});

function start(program: string, cwd: string, databaseUrl: string): ChildProcess {
  const file = fileURLToPath(new URL(`../src/database/${program}`, import.meta.url));
  return spawn(process.execPath, [file], {
    cwd,
    env: { DATABASE_URL: databaseUrl },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function said(child: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout?.on("data", (chunk) => {
      output += chunk;
      if (output.includes(words)) resolve();
    });
    child.once("exit", () => reject(new Error(`it ended without "${words}": ${output}`)));
  });
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.stdout?.resume();
    if (child.exitCode !== null) resolve(child.exitCode);
    else child.once("exit", resolve);
  });
}
