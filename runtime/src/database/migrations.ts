/** Applies Prisma's migrations as `prisma migrate deploy` would, with nothing to download and nothing but a connection. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg, { escapeIdentifier } from "pg";

export interface Migration {
  readonly name: string;
  readonly script: string;
}

/** The key under which Prisma's own tools, too, keep a second migration at the same time out. */
const LOCK = 72_707_369;

// Prisma's record, to the letter: its tools go on from it.
const RECORD = `
  create table if not exists _prisma_migrations (
    id varchar(36) primary key not null,
    checksum varchar(64) not null,
    finished_at timestamptz,
    migration_name varchar(255) not null,
    logs text,
    rolled_back_at timestamptz,
    started_at timestamptz not null default now(),
    applied_steps_count integer not null default 0
  )`;

/** What a prisma folder has under migrations/, oldest first; nothing where it has none. */
export function readMigrations(prismaFolder: string): Migration[] {
  const folder = join(prismaFolder, "migrations");
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .map((name) => ({ name, script: readFileSync(join(folder, name, "migration.sql"), "utf8") }));
}

/**
 * Applies what a database does not have yet, each migration as one transaction together with its record: one that fails
 * leaves nothing behind, and may be tried again. Each Postgres schema keeps its own record. Answers the names of the new ones.
 */
export async function applyMigrations(databaseUrl: string, prismaFolder: string, schema: string): Promise<string[]> {
  const migrations = readMigrations(prismaFolder);
  if (migrations.length === 0) return [];
  return withConnection(databaseUrl, schema, async (client) => {
    await client.query(`select pg_advisory_lock(${LOCK})`);
    await client.query(`create schema if not exists ${escapeIdentifier(schema)}`);
    await client.query(RECORD);
    const pending = await notApplied(client, migrations);
    for (const migration of pending) await apply(client, migration, prismaFolder);
    return pending.map(({ name }) => name);
  });
}

/** The names of those that a database does not have yet. */
export async function pendingMigrations(databaseUrl: string, prismaFolder: string, schema: string): Promise<string[]> {
  const migrations = readMigrations(prismaFolder);
  return withConnection(databaseUrl, schema, async (client) => {
    const { rows } = await client.query("select to_regclass('_prisma_migrations') is not null as is_there");
    const pending = rows[0]?.is_there ? await notApplied(client, migrations) : migrations;
    return pending.map(({ name }) => name);
  });
}

async function notApplied(client: pg.Client, migrations: readonly Migration[]): Promise<Migration[]> {
  const { rows } = await client.query<{ name: string; finished: boolean }>(
    `select migration_name as name, finished_at is not null as finished
     from _prisma_migrations where rolled_back_at is null`,
  );
  const failed = rows.find(({ finished }) => !finished);
  if (failed) {
    throw new Error(
      `Cannot migrate: ${failed.name} has failed half-way before; put the database right and say so with "prisma migrate resolve"`,
    );
  }
  const applied = new Set(rows.map(({ name }) => name));
  return migrations.filter(({ name }) => !applied.has(name));
}

async function apply(client: pg.Client, { name, script }: Migration, prismaFolder: string): Promise<void> {
  const checksum = createHash("sha256").update(script).digest("hex");
  try {
    await client.query("begin");
    await client.query(script);
    await client.query(
      `insert into _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
       values (gen_random_uuid()::text, $1, $2, clock_timestamp(), 1)`,
      [checksum, name],
    );
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => {});
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot apply ${join(prismaFolder, "migrations", name)}: ${reason}`);
  }
}

async function withConnection<T>(
  connectionString: string,
  schema: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  // The record is named without a schema, so the connection has to name one. The lock goes with the connection.
  const client = new pg.Client({
    connectionString,
    options: `-c search_path=${schema}`,
    connectionTimeoutMillis: 5_000,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
