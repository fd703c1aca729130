/** Makes the people of the demo. May run again: what is there stays, and follows DEMO_PASSWORD. */
import { randomUUIDv7 } from "node:crypto";
import { text } from "@row/runtime/config.ts";
import { runSeed } from "@row/runtime/run-seed.ts";
import type pg from "pg";
import { changePassword, findCredentials, insertRole } from "../src/account-store.ts";
import { openAccount } from "../src/open-account.ts";
import { Passwords } from "../src/passwords.ts";

const people = [
  { email: "alice@example.com", displayName: "Alice", roles: [] },
  { email: "bob@example.com", displayName: "Bob", roles: [] },
  { email: "merchant@example.com", displayName: "Mercedes the merchant", roles: ["merchant"] },
  { email: "admin@example.com", displayName: "Ada the admin", roles: ["admin"] },
];

await runSeed("auth", { demoPassword: text("DEMO_PASSWORD") }, async (pool, { demoPassword }) => {
  const passwords = await Passwords.create(2);
  const patient = new AbortController().signal;
  const act = { actor: "service:auth", correlationId: randomUUIDv7() };

  for (const { email, displayName, roles } of people) {
    const known = await findCredentials(pool, email);
    if (known && !(await passwords.verify(known.passwordHash, demoPassword, patient))) {
      await changePassword(pool, known.userId, await passwords.hash(demoPassword, patient), act);
    }
    const passwordHash = known ? "" : await passwords.hash(demoPassword, patient);
    const userId = known?.userId ?? (await open(pool, { email, displayName, passwordHash }));
    for (const role of roles) await insertRole(pool, userId, role, act);
  }
});

async function open(pool: pg.Pool, applicant: Parameters<typeof openAccount>[1]): Promise<string> {
  const outcome = await openAccount(pool, applicant);
  if (typeof outcome === "string") throw new Error(`Cannot open ${applicant.email}: somebody else opened it just now`);
  return outcome.userId;
}
