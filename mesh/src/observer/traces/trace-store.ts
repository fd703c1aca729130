import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Reason } from "./retention.ts";
import type { Span } from "./span.ts";
import { rootOf, type TraceLists, type TraceSummary } from "./trace.ts";

const SCHEMA_VERSION = 2;
const SCHEMA = `
  CREATE TABLE trace (
    id TEXT PRIMARY KEY,
    kept TEXT NOT NULL,
    caller_trace TEXT NOT NULL,
    operation TEXT NOT NULL,
    service TEXT NOT NULL,
    services TEXT NOT NULL,
    start_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    span_count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    spans TEXT NOT NULL
  ) STRICT;
  CREATE INDEX trace_start ON trace (start_us);
  CREATE INDEX trace_caller ON trace (caller_trace) WHERE caller_trace <> '';
`;

/** Together the last 1,000 traces; many failures do not push out everything else, nor the other way round. */
const MOST: Readonly<Record<Reason, number>> = { failed: 500, slow: 200, sample: 300 };
const MOST_BYTES = 128 * 1024 * 1024;
/** Of one trace: a stranger may send any number under one id, and all of them are written again with each addition. */
const MOST_SPANS = 2_000;
const LISTED = 10;
/** Of a trace's id, to find it by. */
export const SHORTEST_PREFIX = 4;

/** Keeps traces in a file. They are worth nothing after a crash of the machine, and are not synced to disk. */
export class TraceStore {
  readonly #database: DatabaseSync;
  readonly #ids = new Set<string>();

  /** Makes the folder; begins anew when what lies there cannot be read. */
  constructor(dataDir: string) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const file = join(dataDir, "traces.sqlite");
    try {
      this.#database = open(file);
    } catch {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
      this.#database = open(file);
    }
    for (const { id } of this.#database.prepare("SELECT id FROM trace").iterate()) this.#ids.add(String(id));
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Runs writes together. */
  transaction(act: () => void): void {
    this.#database.exec("BEGIN");
    act();
    this.#evict();
    this.#database.exec("COMMIT");
  }

  /** Keeps a trace, or adds spans to one that is kept. */
  put(id: string, kept: Reason, added: readonly Span[]): void {
    const room = MOST_SPANS - this.spanCount(id);
    // What is beyond it is dropped unread; that it failed is worth knowing all the same.
    if (room <= 0) {
      if (added.some((span) => span.failed)) this.#markFailed(id);
      return;
    }
    const earlier = this.has(id) ? this.spans(id) : [];
    const spans = [...earlier, ...added.slice(0, room)];
    const root = rootOf(spans);
    if (!root) return;
    const text = JSON.stringify(spans);
    const failed = [...earlier, ...added].some((span) => span.failed);
    const services = ` ${[...new Set(spans.map(({ service }) => service))].join(" ")} `;
    this.#database
      .prepare("INSERT OR REPLACE INTO trace VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(
        id,
        failed ? "failed" : kept,
        callerTraceOf(root),
        root.name,
        root.service,
        services,
        Math.round(root.startUs),
        Math.round(root.durationUs),
        failed ? 1 : 0,
        spans.length,
        text.length,
        text,
      );
    this.#ids.add(id);
  }

  /** Drops a trace that was kept for being slow, once there is a slower one. */
  dropSlow(id: string): void {
    const { changes } = this.#database.prepare("DELETE FROM trace WHERE id = ? AND kept = 'slow'").run(id);
    if (changes > 0) this.#ids.delete(id);
  }

  keptFor(id: string): Reason {
    const row = this.#database.prepare("SELECT kept FROM trace WHERE id = ?").get(id);
    return row?.kept === "failed" || row?.kept === "slow" ? row.kept : "sample";
  }

  spans(id: string): Span[] {
    const row = this.#database.prepare("SELECT spans FROM trace WHERE id = ?").get(id);
    return row ? JSON.parse(String(row.spans)) : [];
  }

  /** How many spans of it are kept. */
  spanCount(id: string): number {
    if (!this.has(id)) return 0;
    return Number(this.#database.prepare("SELECT span_count FROM trace WHERE id = ?").get(id)?.span_count ?? 0);
  }

  /** The one id that starts so, else the last trace of a caller whose own trace's id does; undefined when there is none, or when several do. */
  find(prefix: string): string | undefined {
    if (prefix.length < SHORTEST_PREFIX) return undefined;
    const found = [...this.#ids].filter((id) => id.startsWith(prefix));
    if (found.length > 0) return found.length === 1 ? found[0] : undefined;
    return this.#lastOfCaller(prefix);
  }

  /** The last trace that a caller began within one of its own, whose id starts so. */
  #lastOfCaller(prefix: string): string | undefined {
    const row = this.#database
      .prepare(
        "SELECT id FROM trace WHERE caller_trace >= ? AND caller_trace < ? AND caller_trace <> '' ORDER BY start_us DESC LIMIT 1",
      )
      .get(prefix, `${prefix}g`);
    return row && String(row.id);
  }

  /** With a service, only traces that passed through it. */
  lists(service = ""): TraceLists {
    const list = (where: string, order: string) =>
      this.#database
        .prepare(
          `SELECT id, kept, operation, service, start_us, duration_us, failed, span_count FROM trace
           WHERE ${where} AND (? = '' OR instr(services, ' ' || ? || ' ') > 0) ORDER BY ${order} DESC LIMIT ?`,
        )
        .all(service, service, LISTED)
        .map(summary);
    return {
      failed: list("failed = 1", "start_us"),
      slowest: list("failed = 0", "duration_us"),
      recent: list("TRUE", "start_us"),
    };
  }

  close(): void {
    this.#database.close();
  }

  #markFailed(id: string): void {
    this.#database.prepare("UPDATE trace SET failed = 1, kept = 'failed' WHERE id = ?").run(id);
  }

  #evict(): void {
    const drop = (rows: Iterable<{ id?: unknown }>) => {
      for (const { id } of rows) {
        this.#database.prepare("DELETE FROM trace WHERE id = ?").run(String(id));
        this.#ids.delete(String(id));
      }
    };
    for (const [kept, most] of Object.entries(MOST)) {
      const older = "SELECT id FROM trace WHERE kept = ? ORDER BY start_us DESC LIMIT -1 OFFSET ?";
      drop(this.#database.prepare(older).all(kept, most));
    }
    const beyond = `SELECT id FROM
      (SELECT id, sum(bytes) OVER (ORDER BY start_us DESC ROWS UNBOUNDED PRECEDING) AS total FROM trace)
      WHERE total > ?`;
    drop(this.#database.prepare(beyond).all(MOST_BYTES));
  }
}

/** How the edge names its caller's trace, whose id it does not take over. */
function callerTraceOf(root: Span): string {
  return String(root.attributes["caller.trace.id"] ?? "");
}

function open(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (version !== SCHEMA_VERSION) {
    database.exec(`DROP TABLE IF EXISTS trace; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}`);
  }
  return database;
}

function summary(row: Record<string, unknown>): TraceSummary {
  return {
    id: String(row.id),
    operation: String(row.operation),
    service: String(row.service),
    startTime: new Date(Number(row.start_us) / 1_000).toISOString(),
    durationUs: Number(row.duration_us),
    failed: row.failed === 1,
    spans: Number(row.span_count),
    kept: row.kept === "failed" || row.kept === "slow" ? row.kept : "sample",
  };
}
