import { insertActs } from "@row/runtime/database/audit.ts";
import { type Queryable, statement } from "@row/runtime/database/postgres.ts";
import { REFRESH_TOKEN_SECONDS } from "./refresh-token.ts";

/** Whom the next access token is for. */
export interface SignedIn {
  readonly userId: string;
  readonly roles: readonly string[];
  /** When Postgres let them in. */
  readonly time: Date;
}

/** What the audit trail says of a session's row. */
const OF_SESSION = { target: "'session:' || id" };
const USER = "'user:' || account_id";

const insertSession = statement<{ roles: string[]; time: Date }>(
  "start-session",
  `WITH started AS (
    INSERT INTO session (id, account_id) VALUES ($1, $2) RETURNING id, account_id
  ), issued AS (
    INSERT INTO refresh_token (hash, session_id, expire_time) VALUES ($3, $1, now() + make_interval(secs => $4))
  ), audited AS (
    ${insertActs({ ...OF_SESSION, actor: USER, action: "'session.started'", correlationId: "$5" }, "started")}
  )
  SELECT ARRAY(SELECT role FROM account_role WHERE account_id = $2 ORDER BY role) AS roles, now() AS time`,
);

/** Starts a session with its first refresh token. */
export async function startSession(
  db: Queryable,
  session: { id: string; userId: string; tokenHash: Buffer },
  correlationId: string,
): Promise<SignedIn> {
  const { id, userId, tokenHash } = session;
  const [row] = await insertSession(db, [id, userId, tokenHash, REFRESH_TOKEN_SECONDS, correlationId]);
  if (!row) throw new Error("The statement that starts a session always answers a row");
  return { userId, roles: row.roles, time: row.time };
}

/** Of each session: a day's, of a client that refreshes when it must. An older one is unknown, and refused as any that is. */
export const USED_TOKENS_KEPT = 100;

// One statement, so that of two that present the same token at the same moment exactly one gets another. Both rows are
// locked first: the second waits, then sees that the token has been used, and ends the session. There is no time of grace for
// a client that lost the answer: within it a thief would be served as well, and "used twice" would not be refused.
const rotateToken = statement<{
  account_id: string;
  is_used: boolean;
  is_rotated: boolean;
  roles: string[];
  time: Date;
}>(
  "rotate-refresh-token",
  `WITH presented AS (
    SELECT token.hash, session.id AS session_id, session.account_id, token.use_time IS NOT NULL AS is_used,
      session.end_time IS NULL AND token.expire_time > now() AS is_open
    FROM refresh_token AS token JOIN session ON session.id = token.session_id
    WHERE token.hash = $1 FOR NO KEY UPDATE OF token, session
  ), used AS (
    UPDATE refresh_token AS token SET use_time = now() FROM presented
    WHERE token.hash = presented.hash AND presented.is_open AND NOT presented.is_used
    RETURNING token.session_id
  ), issued AS (
    INSERT INTO refresh_token (hash, session_id, expire_time)
    SELECT $2, session_id, now() + make_interval(secs => $3) FROM used
  ), forgotten AS (
    DELETE FROM refresh_token WHERE hash IN (
      SELECT token.hash FROM refresh_token AS token JOIN used ON token.session_id = used.session_id
      WHERE token.use_time IS NOT NULL ORDER BY token.use_time DESC OFFSET ${USED_TOKENS_KEPT})
  ), ended AS (
    UPDATE session SET end_time = now() FROM presented
    WHERE session.id = presented.session_id AND presented.is_used AND session.end_time IS NULL
    RETURNING session.id, session.account_id
  ), audited AS (
    ${insertActs(
      {
        ...{ ...OF_SESSION, actor: "'anonymous'", action: "'token.reused'", correlationId: "$4" },
        details: "jsonb_build_object('user', account_id)",
      },
      "ended",
    )}
  )
  SELECT account_id, is_used, EXISTS (SELECT FROM used) AS is_rotated,
    ARRAY(SELECT role FROM account_role WHERE account_role.account_id = presented.account_id ORDER BY role) AS roles,
    now() AS time
  FROM presented`,
);

/** Replaces a refresh token by the next of its session, once. A second time it is "reused", and the session ends. */
export async function rotateRefreshToken(
  db: Queryable,
  tokens: { presented: Buffer; next: Buffer },
  correlationId: string,
): Promise<SignedIn | "reused" | "invalid"> {
  const [row] = await rotateToken(db, [tokens.presented, tokens.next, REFRESH_TOKEN_SECONDS, correlationId]);
  if (row?.is_used) return "reused";
  return row?.is_rotated ? { userId: row.account_id, roles: row.roles, time: row.time } : "invalid";
}

const updateEnded = statement(
  "end-session",
  `WITH ended AS (
    UPDATE session SET end_time = now()
    WHERE id = (SELECT session_id FROM refresh_token WHERE hash = $1) AND end_time IS NULL
    RETURNING id, account_id
  )
  ${insertActs({ ...OF_SESSION, actor: USER, action: "'session.ended'", correlationId: "$2" }, "ended")}`,
);

/** Ends the session that a refresh token belongs to, if there is one. */
export async function endSession(db: Queryable, tokenHash: Buffer, correlationId: string): Promise<void> {
  await updateEnded(db, [tokenHash, correlationId]);
}

/** Each in one go, so that nobody who signs in waits for long. */
const MOST_AT_ONCE = 2_000;

// A session's latest token, the one that is not used yet, expires after all others of it.
const deleteForgotten = statement(
  "forget-sessions",
  `DELETE FROM session WHERE id IN (
    SELECT session_id FROM refresh_token WHERE use_time IS NULL AND expire_time <= now()
    ORDER BY expire_time LIMIT ${MOST_AT_ONCE} FOR UPDATE SKIP LOCKED)
  RETURNING 1`,
);

/**
 * Deletes some of the sessions of which no token could be used any more, not even to show that it had been used; answers whether
 * there may be more of them.
 */
export async function forgetExpiredSessions(db: Queryable): Promise<boolean> {
  const rows = await deleteForgotten(db, []);
  return rows.length === MOST_AT_ONCE;
}
