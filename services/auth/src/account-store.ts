/** Accounts with their roles; who gets and loses them is in the audit trail. */
import { insertActs } from "@row/runtime/database/audit.ts";
import { type Queryable, statement } from "@row/runtime/database/postgres.ts";
import { along, write } from "@row/runtime/database/write.ts";
import type { OutboxEvent } from "@row/runtime/events/outbox.ts";
import { ADMIN, FIRST_ROLE } from "./account.ts";

export interface NewAccount {
  readonly id: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly displayName: string;
}

/** Who did something, and in the course of which request. */
export interface AccountAct {
  readonly actor: string;
  readonly correlationId: string;
}

const insertAccounts = write(
  "add-account",
  { id: "uuid", email: "text", password_hash: "text", display_name: "text" },
  {
    added: `INSERT INTO account (id, email, password_hash, display_name)
      SELECT id, email, password_hash, display_name FROM asked ON CONFLICT (email) DO NOTHING RETURNING id`,
    held: "SELECT asked.* FROM asked JOIN added USING (id)",
    granted: `INSERT INTO account_role (account_id, role) SELECT id, '${FIRST_ROLE}' FROM held`,
  },
  { audits: true },
);

/** Opens an account unless its address has one; answers whether it did. */
export async function insertAccount(db: Queryable, account: NewAccount, event: OutboxEvent): Promise<boolean> {
  const { id, email, passwordHash, displayName } = account;
  const user = `user:${id}`;
  const acts = [{ actor: user, action: "user.registered", target: user }];
  const record = {
    id,
    email,
    password_hash: passwordHash,
    display_name: displayName,
    ...along({ events: [event], acts }),
  };
  const [isAdded = false] = await insertAccounts(db, [record]);
  return isAdded;
}

const selectTaken = statement<{ taken: boolean }>(
  "is-address-taken",
  "SELECT EXISTS (SELECT FROM account WHERE email = $1) AS taken",
);

/** Whether an address has an account. */
export async function isAddressTaken(db: Queryable, email: string): Promise<boolean> {
  const [row] = await selectTaken(db, [email]);
  return row?.taken ?? false;
}

const selectCredentials = statement<{ id: string; password_hash: string }>(
  "find-credentials",
  "SELECT id, password_hash FROM account WHERE email = $1",
);

export interface Credentials {
  readonly userId: string;
  readonly passwordHash: string;
}

export async function findCredentials(db: Queryable, email: string): Promise<Credentials | undefined> {
  const [row] = await selectCredentials(db, [email]);
  return row && { userId: row.id, passwordHash: row.password_hash };
}

/** Where the statements below have the act: as their third and fourth parameter. */
const ACT = { actor: "$3", correlationId: "$4" };
const ROLE = { target: "'user:' || account_id", details: "jsonb_build_object('role', role)" };

const updatePassword = statement(
  "change-password",
  `WITH changed AS (
    UPDATE account SET password_hash = $2 WHERE id = $1 RETURNING id
  ), ended AS (
    UPDATE session SET end_time = now() FROM changed WHERE account_id = changed.id AND end_time IS NULL
  )
  ${insertActs({ ...ACT, action: "'password.changed'", target: "'user:' || id" }, "changed")}`,
);

/** Replaces a password; sessions that began with the old one end. */
export async function changePassword(
  db: Queryable,
  userId: string,
  passwordHash: string,
  act: AccountAct,
): Promise<void> {
  await updatePassword(db, [userId, passwordHash, act.actor, act.correlationId]);
}

const grantRole = statement<{ roles: string[] }>(
  "grant-role",
  `WITH target AS (SELECT id FROM account WHERE id = $1),
  granted AS (
    INSERT INTO account_role (account_id, role) SELECT id, $2 FROM target
    ON CONFLICT (account_id, role) DO NOTHING RETURNING account_id, role
  ), audited AS (
    ${insertActs({ ...ACT, ...ROLE, action: "'role.granted'" }, "granted")}
  )
  SELECT ARRAY(SELECT role FROM account_role WHERE account_id = $1 UNION SELECT $2 ORDER BY 1) AS roles FROM target`,
);

/** Gives a role; answers every role the user now holds, or undefined for no such user. */
export async function insertRole(
  db: Queryable,
  userId: string,
  role: string,
  act: AccountAct,
): Promise<string[] | undefined> {
  const [row] = await grantRole(db, [userId, role, act.actor, act.correlationId]);
  return row?.roles;
}

// The holders are locked, all of them and always in the same order, before the deletion is decided. Two revocations at
// the same moment therefore run one after the other, and the second sees what the first has left.
const revokeRole = statement<{ roles: string[]; is_last: boolean }>(
  "revoke-role",
  `WITH target AS (SELECT id FROM account WHERE id = $1),
  holders AS (
    SELECT account_id FROM account_role WHERE role = '${ADMIN}' AND $2 = '${ADMIN}' ORDER BY account_id FOR UPDATE
  ), revoked AS (
    DELETE FROM account_role WHERE account_id = $1 AND role = $2
      AND ($2 <> '${ADMIN}' OR (SELECT count(*) FROM holders WHERE account_id <> $1) > 0)
    RETURNING account_id, role
  ), audited AS (
    ${insertActs({ ...ACT, ...ROLE, action: "'role.revoked'" }, "revoked")}
  )
  SELECT ARRAY(SELECT role FROM account_role WHERE account_id = $1 EXCEPT SELECT $2 ORDER BY 1) AS roles,
    EXISTS (SELECT FROM holders WHERE account_id = $1) AND NOT EXISTS (SELECT FROM revoked) AS is_last
  FROM target`,
);

/** Takes a role; answers every role the user still holds, "last" when it must stay, or undefined for no such user. */
export async function deleteRole(
  db: Queryable,
  userId: string,
  role: string,
  act: AccountAct,
): Promise<string[] | "last" | undefined> {
  const [row] = await revokeRole(db, [userId, role, act.actor, act.correlationId]);
  return row?.is_last ? "last" : row?.roles;
}
