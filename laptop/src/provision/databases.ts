import { Client, escapeIdentifier, escapeLiteral } from "pg";
import type { Secrets } from "../secrets.ts";

/** Makes a database and a role of the same name for every service, and keeps every other role out of it. */
export async function provisionDatabases(adminUrl: string, services: string[], secrets: Secrets): Promise<void> {
  if (services.length === 0) return;
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    const { rows: roles } = await admin.query<{ rolname: string }>("select rolname from pg_roles");
    const { rows: databases } = await admin.query<{ datname: string }>("select datname from pg_database");
    for (const service of services) {
      const role = escapeIdentifier(service);
      const verb = roles.some(({ rolname }) => rolname === service) ? "alter" : "create";
      await admin.query(`${verb} role ${role} login password ${escapeLiteral(secrets.get(`postgres/${service}`))}`);
      if (databases.some(({ datname }) => datname === service)) continue;
      await admin.query(`create database ${role} owner ${role}`);
      await admin.query(`revoke all on database ${role} from public`);
    }
  } finally {
    await admin.end();
  }
}
