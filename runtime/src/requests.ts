/** Idempotent mutations: a repeat of a request_id gets the first answer, another body under it is refused. */
import { createHash } from "node:crypto";
import type { Call } from "./call.ts";
import { DomainError } from "./errors.ts";
import { isUniqueViolation, type Queryable, statement } from "./postgres.ts";

/** The request_id was used before with another body. */
export class RequestIdReused extends DomainError {
  constructor(requestId: string) {
    super(
      "invalid",
      "REQUEST_ID_REUSED",
      `Cannot take request_id "${requestId}" again: it was used for a different request; use a new one`,
      { violations: [{ field: "request_id", description: "was used for a different request" }] },
    );
  }
}

/** A ts-proto message type. */
interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** Parameters of REMEMBER_REQUEST, in order. */
export const REMEMBER_PARAMETERS = 5;

/** CTE body that stores the answer with the effect; takes REMEMBER_PARAMETERS from `$first`. */
export function rememberRequest(first: number, where = ""): string {
  const [caller, method, id, hash, response] = [0, 1, 2, 3, 4].map((n) => `$${first + n}`);
  return `INSERT INTO runtime.requests (caller, method, request_id, body_hash, response)
    SELECT ${caller}::text, ${method}::text, ${id}::text, ${hash}::bytea, ${response}::bytea ${where} RETURNING 1`;
}

const findRequest = statement<{ body_hash: Buffer; response: Buffer }>(
  "runtime-find-request",
  "SELECT body_hash, response FROM runtime.requests WHERE caller = $1 AND method = $2 AND request_id = $3",
);

/**
 * Runs a mutation once per (caller, method, request_id). `mutate` gets a function that turns its response into the
 * values of `rememberRequest`, which it must write in the same transaction as the effect. Throws RequestIdReused.
 */
export async function once<Q extends { requestId: string }, R>(
  db: Queryable,
  call: Call,
  types: { request: MessageType<Q>; response: MessageType<R> },
  request: Q,
  mutate: (remember: (response: R) => readonly unknown[]) => Promise<R>,
): Promise<R> {
  const caller = callerOf(call);
  const bodyHash = createHash("sha256").update(types.request.encode(request).finish()).digest();
  const key = [caller, call.method.path, request.requestId];
  const first = async (): Promise<R | undefined> => {
    const [earlier] = await findRequest(db, key);
    if (!earlier) return undefined;
    if (!earlier.body_hash.equals(bodyHash)) throw new RequestIdReused(request.requestId);
    return types.response.decode(earlier.response);
  };
  const answered = await first();
  if (answered) return answered;
  try {
    return await mutate((response) => [...key, bodyHash, Buffer.from(types.response.encode(response).finish())]);
  } catch (error) {
    // A twin won the race: the unique index decided, and its answer is ours.
    const twin = isUniqueViolation(error, "requests_pkey") ? await first() : undefined;
    if (twin) return twin;
    throw error;
  }
}

/** Whose request this is: "user:<id>", "service:<name>" or "anonymous". */
export function callerOf(call: Call): string {
  if (call.user) return `user:${call.user.id}`;
  return call.service ? `service:${call.service}` : "anonymous";
}
