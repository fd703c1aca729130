// Makes the people of the demo. May run again: what is there stays, and follows DEMO_PASSWORD.
import { randomUUIDv7 } from "node:crypto";
import { parseEnv, text } from "@row/runtime/config.ts";
import { createPool, waitForPostgres } from "@row/runtime/database/postgres.ts";
import { createLogger } from "@row/runtime/telemetry/logger.ts";
import { databaseVariables } from "@row/runtime/variables.ts";
import { changePassword, findCredentials, grantRole } from "../src/account-store.ts";
import { openAccount } from "../src/open-account.ts";
import { Passwords } from "../src/passwords.ts";

const people = [
  { email: "alice@example.com", displayName: "Alice", roles: [] },
  { email: "bob@example.com", displayName: "Bob", roles: [] },
  { email: "merchant@example.com", displayName: "Mercedes the merchant", roles: ["merchant"] },
  { email: "admin@example.com", displayName: "Ada the admin", roles: ["admin"] },
];

const { databaseUrl, demoPassword } = parseEnv({ ...databaseVariables, demoPassword: text("DEMO_PASSWORD") });
const pool = createPool(databaseUrl, createLogger({ service: "auth-seed" }, "warn"));
await waitForPostgres(pool);
const passwords = await Passwords.create(2);
const patient = new AbortController().signal;
const correlationId = randomUUIDv7();
const act = { actor: "service:auth", correlationId };

for (const { email, displayName, roles } of people) {
  const known = await findCredentials(pool, email);
  if (known && !(await passwords.verify(known.passwordHash, demoPassword, patient))) {
    await changePassword(pool, known.userId, await passwords.hash(demoPassword, patient), act);
  }
  const userId = known?.userId ?? (await open(email, displayName));
  for (const role of roles) await grantRole(pool, userId, role, act);
}
await pool.end();

async function open(email: string, displayName: string): Promise<string> {
  const passwordHash = await passwords.hash(demoPassword, patient);
  const origin = { correlationId, producer: "auth/v1/seed" };
  const userId = await openAccount(pool, { email, displayName, passwordHash }, origin);
  if (!userId) throw new Error(`Cannot open ${email}: somebody else opened it just now`);
  return userId;
}
