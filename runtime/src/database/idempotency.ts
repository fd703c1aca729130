/** Idempotent mutations: a repeat of a request_id gets the first answer, another body under it is refused. */
import { createHash } from "node:crypto";
import type { Call } from "../call.ts";
import { DomainError, type ErrorKind } from "../domain-error.ts";
import { type Queryable, statement } from "./postgres.ts";
import { columnList, type RecordOf } from "./records.ts";

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

/** The columns of a record that hold a request and its answer; null for a change without a request. */
export const REMEMBERED = {
  ...{ caller: "text", method: "text", request_id: "text" },
  ...{ body_hash: "bytea", response: "bytea" },
} as const;

/** A request and its answer as columns of a record. */
export type RememberedRequest = RecordOf<typeof REMEMBERED>;

/** Body of a CTE that stores the answers in the relation `from`; returns the keys of those whose request was not answered before. */
export function rememberFrom(from: string): string {
  const columns = Object.keys(REMEMBERED).join(", ");
  return `INSERT INTO runtime.requests (${columns})
    SELECT ${columns} FROM ${from} WHERE request_id IS NOT NULL ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING RETURNING caller, method, request_id`;
}

const rememberAnswer = statement(
  "runtime-remember",
  `WITH asked AS (SELECT * FROM json_to_record($1::json) AS record (${columnList(REMEMBERED)})) ${rememberFrom("asked")}`,
);

/** Stores an answer in the transaction of its effect; false when its request was answered before. */
export async function remember(db: Queryable, answer: RememberedRequest): Promise<boolean> {
  const rows = await rememberAnswer(db, [JSON.stringify(answer)]);
  return rows.length > 0;
}

const findRequest = statement<{ body_hash: Buffer; response: Buffer }>(
  "runtime-find-request",
  "SELECT body_hash, response FROM runtime.requests WHERE caller = $1 AND method = $2 AND request_id = $3",
);

/** Asks for a mutation under an id that says which one it is. */
interface Request {
  readonly requestId: string;
}

/** A handler that runs once per request_id, as those of the RPCs whose contract has one must. */
export interface IdempotentHandler<Q, R> {
  (request: Q, call: Call): Promise<R>;
  readonly isIdempotent: true;
}

interface Options<Q> {
  /**
   * The handler has no effect before the one statement that stores the answer too, so a repeat is looked up when that finds it
   * answered; else it is looked up first.
   */
  readonly inOneStatement?: boolean;
  /** What of a request makes it another one; all of it unless told. */
  readonly body?: (request: Q) => Q;
}

/**
 * Runs `handler` once per (caller, method, request_id). It gets a function that turns its response into the columns REMEMBERED,
 * which it must write in the same transaction as the effect; it answers undefined when that found the request answered before.
 * Throws RequestIdReused.
 */
export function idempotent<Q extends Request, R>(
  db: Queryable,
  handler: (request: Q, call: Call, remember: (response: R) => RememberedRequest) => Promise<R | undefined>,
  { inOneStatement = false, body = (request) => request }: Options<Q> = {},
): IdempotentHandler<Q, R> {
  const once = async (request: Q, call: Call): Promise<R> => {
    const asked = new Asked<R>(db, call, request.requestId, body(request));
    const earlier = inOneStatement ? undefined : await asked.answer();
    if (earlier) return earlier;
    let failure: unknown = new Error(`Cannot find the answer to request_id "${request.requestId}" again`);
    try {
      const response = await handler(request, call, (response) => asked.remembered(response));
      if (response) return response;
    } catch (error) {
      if (!mayBeAnswered(error)) throw error;
      failure = error;
    }
    // What a repeat runs into says nothing: the first answer counts.
    const answered = await asked.answer().catch((error: unknown) => {
      if (error instanceof RequestIdReused) throw error;
      throw failure;
    });
    if (answered) return answered;
    throw failure;
  };
  return Object.assign(once, { isIdempotent: true as const });
}

/** What a mutation is refused with before it is tried. */
const NOT_TRIED: ReadonlySet<ErrorKind> = new Set(["too-late", "cut-short", "caller-gone", "exhausted"]);

/** Whether a twin may have been faster. It was not where nothing was tried: to look would be the work that was to be spared. */
function mayBeAnswered(error: unknown): boolean {
  return !(error instanceof DomainError && NOT_TRIED.has(error.kind));
}

/** A request that may have been answered before. */
class Asked<R> {
  readonly #key: readonly [caller: string, method: string, requestId: string];
  readonly #bodyHash: Buffer;
  readonly #db: Queryable;
  readonly #codec: Call["codec"];

  constructor(db: Queryable, call: Call, requestId: string, body: object) {
    this.#key = [call.actor, call.method.path, requestId];
    this.#codec = call.codec;
    this.#bodyHash = createHash("sha256")
      .update(this.#codec.requestSerialize(body as never))
      .digest();
    this.#db = db;
  }

  /** The first answer, if there was one. Throws RequestIdReused. */
  async answer(): Promise<R | undefined> {
    const [earlier] = await findRequest(this.#db, this.#key);
    if (!earlier) return undefined;
    if (!earlier.body_hash.equals(this.#bodyHash)) throw new RequestIdReused(this.#key[2]);
    return this.#codec.responseDeserialize(earlier.response) as R; // written by `remembered`
  }

  remembered(response: R): RememberedRequest {
    const [caller, method, request_id] = this.#key;
    return {
      ...{ caller, method, request_id },
      body_hash: hex(this.#bodyHash),
      response: hex(this.#codec.responseSerialize(response as never)),
    };
  }
}

function hex(bytes: Buffer): string {
  return `\\x${bytes.toString("hex")}`;
}
