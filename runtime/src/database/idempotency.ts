/** Idempotent mutations: a repeat of a request_id gets the first answer, another body under it is refused. */
import { createHash } from "node:crypto";
import type { Call } from "../call.ts";
import { DomainError, type ErrorKind } from "../domain-error.ts";
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

/** The columns of what `remember` makes for `onceTogether`, for json_to_recordset. */
export const REMEMBERED_COLUMNS = "caller text, method text, request_id text, body_hash bytea, response bytea";

/** A request and its answer as a record of REMEMBERED_COLUMNS. */
export interface RememberedRequest {
  readonly caller: string;
  readonly method: string;
  readonly request_id: string;
  readonly body_hash: string;
  readonly response: string;
}

/** CTE body that stores the answers in the relation `from`; returns the keys of those whose request was not answered before.
 * No two may have the same key. */
export function rememberRequestsFrom(from: string): string {
  return `INSERT INTO runtime.requests (caller, method, request_id, body_hash, response)
    SELECT caller, method, request_id, body_hash, response FROM ${from} ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING RETURNING caller, method, request_id`;
}

const findRequest = statement<{ body_hash: Buffer; response: Buffer }>(
  "runtime-find-request",
  "SELECT body_hash, response FROM runtime.requests WHERE caller = $1 AND method = $2 AND request_id = $3",
);

interface Types<Q, R> {
  readonly request: MessageType<Q>;
  readonly response: MessageType<R>;
}

/**
 * Runs a mutation once per (caller, method, request_id). `mutate` gets a function that turns its response into the
 * values of `rememberRequest`, which it must write in the same transaction as the effect. Throws RequestIdReused.
 */
export async function once<Q extends { requestId: string }, R>(
  db: Queryable,
  call: Call,
  types: Types<Q, R>,
  request: Q,
  mutate: (remember: (response: R) => readonly unknown[]) => Promise<R>,
): Promise<R> {
  const asked = new Asked(db, call, types, request);
  const answered = await asked.answer();
  if (answered) return answered;
  try {
    return await mutate((response) => [...asked.key, asked.bodyHash, asked.encode(response)]);
  } catch (error) {
    // A twin won the race: the unique index decided, and its answer is ours.
    const twin = isUniqueViolation(error, "requests_pkey") ? await asked.answer() : undefined;
    if (twin) return twin;
    throw error;
  }
}

/** What a mutation is refused with before it is tried. */
const NOT_TRIED: ReadonlySet<ErrorKind> = new Set(["too-late", "cut-short", "caller-gone", "exhausted"]);

/**
 * As `once`, without a look beforehand: for a mutation that has no effect before the one statement that also stores the
 * answer, with `rememberRequestsFrom`. `mutate` answers undefined when that found the request answered before.
 */
export async function onceTogether<Q extends { requestId: string }, R>(
  db: Queryable,
  call: Call,
  types: Types<Q, R>,
  request: Q,
  mutate: (remember: (response: R) => RememberedRequest) => Promise<R | undefined>,
): Promise<R> {
  const asked = new Asked(db, call, types, request);
  const [caller, method, request_id] = asked.key;
  const hex = (bytes: Buffer) => `\\x${bytes.toString("hex")}`;
  const remember = (response: R): RememberedRequest => ({
    ...{ caller, method, request_id },
    body_hash: hex(asked.bodyHash),
    response: hex(asked.encode(response)),
  });
  let failure: unknown = new Error(`Cannot find the answer to request_id "${request.requestId}" again`);
  try {
    const response = await mutate(remember);
    if (response) return response;
  } catch (error) {
    // It was not even tried: to look for an answer would be the work that was to be spared.
    if (error instanceof DomainError && NOT_TRIED.has(error.kind)) throw error;
    failure = error;
  }
  // What a repeat runs into now says nothing: the first answer counts.
  const answered = await asked.answer().catch((error: unknown) => {
    if (error instanceof RequestIdReused) throw error;
    throw failure;
  });
  if (answered) return answered;
  throw failure;
}

/** A request that may have been answered before. */
class Asked<Q extends { requestId: string }, R> {
  readonly key: readonly [caller: string, method: string, requestId: string];
  readonly bodyHash: Buffer;
  readonly #db: Queryable;
  readonly #types: Types<Q, R>;

  constructor(db: Queryable, call: Call, types: Types<Q, R>, request: Q) {
    this.key = [callerOf(call), call.method.path, request.requestId];
    this.bodyHash = createHash("sha256").update(types.request.encode(request).finish()).digest();
    this.#db = db;
    this.#types = types;
  }

  /** The first answer, if there was one. Throws RequestIdReused. */
  async answer(): Promise<R | undefined> {
    const [earlier] = await findRequest(this.#db, this.key);
    if (!earlier) return undefined;
    if (!earlier.body_hash.equals(this.bodyHash)) throw new RequestIdReused(this.key[2]);
    return this.#types.response.decode(earlier.response);
  }

  encode(response: R): Buffer {
    return Buffer.from(this.#types.response.encode(response).finish());
  }
}

/** Whose request this is: "user:<id>", "service:<name>" or "anonymous". */
export function callerOf(call: Call): string {
  if (call.user) return `user:${call.user.id}`;
  return call.service ? `service:${call.service}` : "anonymous";
}
