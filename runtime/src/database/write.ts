/** Hot writes: a change, its events, the acts it stands for and the answer to a repeat, of any number of records, in one statement. */
import { insertEventsFrom, type OutboxEvent, outboxJson } from "../events/outbox.ts";
import { type AuditedAct, actsJson, insertActsFrom } from "./audit.ts";
import { eventsWritten } from "./commits.ts";
import { REMEMBERED, type RememberedRequest, rememberFrom } from "./idempotency.ts";
import { type Queryable, statement } from "./postgres.ts";
import { type Columns, type RecordOf, recordsOf, recordValues } from "./records.ts";

/** What is written along with a record's change. */
interface Along {
  readonly events?: readonly OutboxEvent[];
  readonly acts?: readonly AuditedAct[];
  /** The answer to the request that asks for the change. */
  readonly answer?: RememberedRequest | undefined;
}

const ALONG = { outbox: "json", audit: "json" } as const;
type AlongRecord = RecordOf<typeof ALONG> & Partial<RecordOf<typeof REMEMBERED>>;

/** The columns of a record that hold what is written along with its change, on behalf of the current call. */
export function along({ events = [], acts, answer }: Along): AlongRecord {
  return { outbox: outboxJson(events), audit: acts && actsJson(acts), ...answer };
}

/**
 * The CTEs of a write, in their order. `held` are the records to be written, of those in `asked`; a write that does not say which
 * they are writes all. Where a record has to be free of something first, such as a change that came in between, `ready` says
 * which of `asked` are.
 */
type Parts = Readonly<Record<string, string>>;

interface Options<C extends Columns> {
  /** Records hold the answers to their requests: those whose request was answered before are not written. */
  readonly remembers?: boolean;
  /** Records hold the acts that the audit trail gets. */
  readonly audits?: boolean;
  /** The column that says which commits must be on disk before their callers go on; all unless told. */
  readonly mustSurvive?: keyof C & string;
}

/**
 * A write of records with these columns, of which the first is the key: no two in a batch have the same, or the same request. The
 * statement has the CTEs asked → ready → remembered → held → `parts` → published → audited. Answers, record by record, whether it
 * was written.
 */
export function write<C extends Columns>(name: string, columns: C, parts: Parts, options: Options<C> = {}) {
  const { remembers = false, audits = false, mustSurvive } = options;
  const [key = ""] = Object.keys(columns);
  const run = statement<Record<string, unknown>>(
    name,
    `WITH ${ctes({ ...columns, ...ALONG, ...(remembers && REMEMBERED) }, parts, { remembers, audits })}
    SELECT ${key}${mustSurvive ? ", set_config('synchronous_commit', CASE WHEN $3::boolean THEN 'on' ELSE 'off' END, true)" : ""}
    FROM held`,
  );
  return async (db: Queryable, records: readonly (RecordOf<C> & AlongRecord)[]): Promise<boolean[]> => {
    if (!audits && records.some(({ audit }) => audit)) throw new Error(`Cannot write "${name}": it audits nothing`);
    const values = mustSurvive ? [records.some((record) => record[mustSurvive])] : [];
    const rows = await run(db, [...recordValues(records), ...values]);
    const written = new Set(rows.map((row) => row[key]));
    if (written.size > 0) eventsWritten(db);
    return records.map((record) => written.has(record[key]));
  };
}

function ctes(columns: Columns, { ready, ...parts }: Parts, has: { remembers: boolean; audits: boolean }): string {
  const from = ready ? "ready" : "asked";
  const held = has.remembers
    ? {
        remembered: rememberFrom(from),
        held: `SELECT * FROM ${from} WHERE request_id IS NULL OR (caller, method, request_id) IN (TABLE remembered)`,
      }
    : "held" in parts
      ? {}
      : { held: `SELECT * FROM ${from}` };
  const all = {
    asked: recordsOf(columns),
    ...(ready && { ready }),
    ...held,
    ...parts,
    published: insertEventsFrom("held"),
    ...(has.audits && { audited: insertActsFrom("held") }),
  };
  return Object.entries(all)
    .map(([cte, body]) => `${cte} AS (${body})`)
    .join(", ");
}
