import { existsSync } from "node:fs";
import { join } from "node:path";
import { applyMigrations } from "@row/runtime/database/migrations.ts";
import { checkDeclared } from "@row/runtime/events/streams.ts";
import { loadContracts } from "@row/topology/contracts.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import { logFile } from "../state-dir.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";
import { provisionDatabases } from "./databases.ts";
import { mendStreams } from "./mend-streams.ts";
import { seed } from "./seeds.ts";
import { connectAsAdmin } from "./streams.ts";

/** Databases, roles, migrations, streams and consumers: everything services expect to find. May be repeated at any time. */
export async function provision(infrastructure: Infrastructure): Promise<void> {
  const migrated = provisionPostgres(infrastructure);
  await Promise.all([migrated, provisionNats(infrastructure, migrated)]);
}

/** Runs the seeds that have not run on these databases yet; answers the services that were seeded. */
export async function seedServices(infrastructure: Infrastructure, signal?: AbortSignal): Promise<string[]> {
  const { installation, secrets, adminUrl, environmentOf } = infrastructure;
  const seeded = await Promise.all(
    withDatabase(infrastructure).map(async (service) => {
      const env = { ...environmentOf(service.name), DEMO_PASSWORD: secrets.demoPassword };
      const ran = await seed(service, adminUrl(), env, logFile(installation.stateDir, `${service.name}-seed`), signal);
      return ran ? [service.name] : [];
    }),
  );
  return seeded.flat();
}

async function provisionPostgres(infrastructure: Infrastructure): Promise<void> {
  const { installation, secrets, adminUrl } = infrastructure;
  const services = withDatabase(infrastructure);
  await provisionDatabases(
    adminUrl(),
    services.map(({ name }) => name),
    secrets,
  );
  await Promise.all(services.map((service) => migrateService(infrastructure, service, installation.root)));
}

/** Applies the migrations that a checkout of the code has for one service, as far as they are new. */
export async function migrateService(
  { environmentOf }: Infrastructure,
  { name, folder, postgres }: ServiceManifest,
  root: string,
): Promise<void> {
  if (!postgres) return;
  const url = environmentOf(name).DATABASE_URL ?? "";
  await orRefuse(applyMigrations(url, join(root, "runtime/prisma"), "runtime"));
  await orRefuse(applyMigrations(url, join(folder, "prisma"), "public"));
}

async function provisionNats(infrastructure: Infrastructure, migrated: Promise<void>): Promise<void> {
  const { installation, ports, secrets, services } = infrastructure;
  if (!needsContracts(installation.root, services)) return;
  const contracts = loadContracts(installation.root);
  const connection = await connectAsAdmin(ports.nats, secrets);
  try {
    await orRefuse((async () => checkDeclared(contracts, services))());
    await mendStreams(connection, infrastructure, contracts, services, migrated);
  } finally {
    await connection.close();
  }
}

// What is wrong with a migration or a service.yaml is the user's to correct.
function orRefuse<Result>(work: Promise<Result>): Promise<Result> {
  return work.catch((error: unknown) => {
    const message = messageOf(error);
    throw message.startsWith("Cannot ") ? new RowError(message) : error;
  });
}

// A folder of services without contracts has no events either; one that names events must have them.
export function needsContracts(root: string, services: ServiceManifest[]): boolean {
  return existsSync(join(root, "gen/contracts.binpb")) || services.some(({ consumes }) => consumes.length > 0);
}

function withDatabase({ services }: Infrastructure): ServiceManifest[] {
  return services.filter(({ postgres }) => postgres);
}
