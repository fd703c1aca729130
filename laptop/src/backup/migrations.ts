import { join } from "node:path";
import { readMigrations } from "@row/runtime/database/migrations.ts";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import { Client } from "pg";
import type { Migrations } from "./manifest.ts";

/** The migrations that the services' databases have had; a database that is not there yet is left out. */
export async function appliedMigrations(
  adminUrl: (database?: string) => string,
  services: readonly ServiceManifest[],
): Promise<Migrations> {
  const there = new Set(await column(adminUrl(), "select datname as value from pg_database"));
  const applied: Record<string, Record<string, string[]>> = {};
  for (const { name, postgres } of services) {
    if (!postgres || !there.has(name)) continue;
    const url = adminUrl(name);
    const schemas = await column(
      url,
      "select schemaname as value from pg_tables where tablename = '_prisma_migrations' order by 1",
    );
    const names = schemas.map(async (schema): Promise<[string, string[]]> => {
      const query = `select migration_name as value from "${schema}"._prisma_migrations where finished_at is not null order by 1`;
      return [schema, await column(url, query)];
    });
    applied[name] = Object.fromEntries(await Promise.all(names));
  }
  return applied;
}

/** What databases have had that this code does not know, in words; nothing where it knows everything. */
export function unknownMigrations(
  migrations: Migrations,
  services: readonly ServiceManifest[],
  root: string,
): string[] {
  const folderOf = (schema: string, service: ServiceManifest) =>
    join(schema === "runtime" ? join(root, "runtime") : service.folder, "prisma");
  return Object.entries(migrations).flatMap(([database, schemas]) => {
    const service = services.find(({ name, postgres }) => postgres && name === database);
    if (!service) return [`the database of ${database}, a service that this checkout does not have`];
    return Object.entries(schemas).flatMap(([schema, names]) => {
      const known = new Set(readMigrations(folderOf(schema, service)).map(({ name }) => name));
      return names.filter((name) => !known.has(name)).map((name) => `${database}'s migration ${name}`);
    });
  });
}

async function column(url: string, query: string): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ value: string }>(query);
    return rows.map(({ value }) => value);
  } finally {
    await client.end();
  }
}
