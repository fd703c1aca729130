import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import type { MigrationList, SchemaEngine } from "@prisma/schema-engine-wasm";
import { escapeIdentifier, Pool } from "pg";
import { messageOf, RowError } from "../row-error.ts";

/**
 * Applies an ordinary Prisma migrations folder, as `prisma migrate deploy` would, with the engine that npm carries:
 * nothing is downloaded. Each Postgres schema keeps its own record of what was applied. Answers what was new.
 */
export async function applyMigrations(databaseUrl: string, prismaFolder: string, schema: string): Promise<string[]> {
  const migrationsList = readMigrations(join(prismaFolder, "migrations"));
  if (migrationsList.migrationDirectories.length === 0) return [];
  // The engine names its record of applied migrations without a schema, so the connection has to.
  const pool = new Pool({ connectionString: databaseUrl, max: 1, options: `-c search_path=${schema}` });
  await pool.query(`create schema if not exists ${escapeIdentifier(schema)}`);
  const adapter = new ScriptAdapter(pool, { schema });
  const { SchemaEngine } = await engine();
  const log = () => {};
  const migrator = await SchemaEngine.new({ datamodels: undefined }, log, bindMigrationAwareSqlAdapterFactory(adapter));
  try {
    const filters = { externalTables: [], externalEnums: [] };
    const { appliedMigrationNames } = await migrator.applyMigrations({ migrationsList, filters });
    return appliedMigrationNames;
  } catch (error) {
    throw new RowError(`Cannot apply ${migrationsList.baseDir}: ${withoutTrace(messageOf(error))}`);
  } finally {
    migrator.free();
    // With the connection goes the lock that the engine takes against a second migration at the same time.
    await pool.end();
  }
}

/** Prisma's adapter for Postgres, with scripts left whole. */
class ScriptAdapter extends PrismaPg {
  override async connect(): ReturnType<PrismaPg["connect"]> {
    const connected = await super.connect();
    // The adapter's own way cuts a script at every semicolon, also inside the bodies of functions.
    connected.executeScript = async (script) => {
      await connected.underlyingDriver().query(script);
    };
    return connected;
  }
}

// The engine adds its own call stack below the message.
function withoutTrace(message: string): string {
  return message.split(/\n\s*0: /)[0]?.trim() ?? message;
}

function readMigrations(baseDir: string): MigrationList {
  const folders = existsSync(baseDir)
    ? readdirSync(baseDir, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    : [];
  return {
    baseDir,
    lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
    shadowDbInitScript: "",
    migrationDirectories: folders
      .map(({ name }) => name)
      .sort()
      .map((path) => ({
        path,
        migrationFile: {
          path: "migration.sql",
          content: { tag: "ok", value: readFileSync(join(baseDir, path, "migration.sql"), "utf8") },
        },
      })),
  };
}

interface Engine {
  SchemaEngine: typeof SchemaEngine;
}

let loaded: Promise<Engine> | undefined;

function engine(): Promise<Engine> {
  loaded ??= loadEngine();
  return loaded;
}

// The package's own entry imports the .wasm file as a module, which Node still warns about.
async function loadEngine(): Promise<Engine> {
  const require = createRequire(import.meta.url);
  const glueFile = require.resolve("@prisma/schema-engine-wasm/schema_engine_bg");
  const glue: Engine & WebAssembly.ModuleImports & { __wbg_set_wasm(exports: WebAssembly.Exports): void } =
    await import(glueFile);
  const bytes = readFileSync(glueFile.replace(/\.js$/, ".wasm"));
  const { instance } = await WebAssembly.instantiate(bytes, { "./schema_engine_bg.js": withPatientTimers(glue) });
  glue.__wbg_set_wasm(instance.exports);
  const start = instance.exports.__wbindgen_start;
  if (typeof start === "function") start();
  return glue;
}

// The engine guards its lock with a timer of ten seconds that it never clears: it must not keep a process from ending.
function withPatientTimers(glue: WebAssembly.ModuleImports): WebAssembly.ModuleImports {
  const timers = Object.keys(glue).filter((name) => name.startsWith("__wbg_setTimeout_"));
  const start = (callback: () => void, delayMs: number) => setTimeout(callback, delayMs >>> 0).unref();
  return { ...glue, ...Object.fromEntries(timers.map((name) => [name, start])) };
}
