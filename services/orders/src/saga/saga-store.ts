/** Sagas in Postgres: leases with fencing numbers, and one statement per step taken. */
import { type Origin, OUTBOX_PARAMETERS, outboxInsert, outboxValues } from "@row/runtime/outbox.ts";
import { isDeadlock, isUniqueViolation, statement } from "@row/runtime/postgres.ts";
import type pg from "pg";
import { APPEND_PARAMETERS, appendSql, appendValues, type Change } from "../change.ts";
import { CANCEL_ORDER } from "./definitions.ts";
import { isFinished, type Outcome, type SagaState } from "./saga.ts";
import { LEASE_MS, type SagaData, type SagaRecord, type SagaRow, toRecord, type Worker } from "./saga-record.ts";

/** An attempt at a step, as the log names it. */
export interface Attempt {
  readonly step: string;
  readonly undo: boolean;
  readonly number: number;
}

/** One step taken: what ended, what begins, and what it means for the order. */
export interface Progress {
  readonly saga: SagaRecord;
  readonly next: SagaState;
  readonly data: SagaData;
  readonly ended: (Attempt & { readonly outcome: Outcome; readonly servedBy: string }) | undefined;
  readonly begun: Attempt | undefined;
  /** When the attempt ended and the order changed. */
  readonly time: Date;
  /** Until the next attempt. */
  readonly waitMs: number;
  /** What happens to the order; undefined between the steps. */
  readonly change: Change | undefined;
  /** Begin cancelling what was just confirmed. */
  readonly cancelsNow: boolean;
}

/** A version whose workers have been silent for this long is gone, and its sagas may be adopted. */
const GONE_AFTER_SECONDS = 30;

const claim = statement<SagaRow & { previous_version: string }>(
  "sagas-claim",
  `WITH due AS (
    SELECT order_id, name, service_version AS previous_version FROM sagas
    WHERE finished_time IS NULL AND lease_until < now() AND next_attempt_time <= now()
      AND (service_version = $2 OR NOT EXISTS (
        SELECT FROM workers w WHERE w.version = sagas.service_version
          AND w.heartbeat_time > now() - interval '${GONE_AFTER_SECONDS} s'))
    ORDER BY create_time LIMIT $4 FOR UPDATE SKIP LOCKED),
  claimed AS (
    UPDATE sagas s SET lease_owner = $1, lease_until = now() + $3::int * interval '1 ms', fence = fence + 1,
      revision = revision + 1, service_version = $2
    FROM due WHERE s.order_id = due.order_id AND s.name = due.name
    RETURNING s.*, due.previous_version),
  adopted AS (
    INSERT INTO saga_attempts (order_id, saga, step, undo, number, outcome, reason, worker, served_by, finished_time)
    SELECT order_id, name || '/' || definition, 'adopt-' || $2, false, fence, 'adopted', previous_version || ' is gone', $5, '', now()
    FROM claimed WHERE previous_version <> $2)
  SELECT * FROM claimed`,
);

// Fence and revision say that nobody wrote since, so also that it is not finished; a condition on finished_time would lead the
// planner from the primary key to the index of unfinished sagas.
const HELD = `UPDATE sagas SET direction = $5, step = $6, attempt = $7, uncertain = $8, reason = $9, stuck = $10,
    data = $11::jsonb, revision = revision + 1,
    lease_until = now() + $12::int * interval '1 ms', next_attempt_time = now() + $13::int * interval '1 ms',
    finished_time = CASE WHEN $14::boolean THEN now() END
  WHERE order_id = $1::uuid AND name = $2 AND fence = $3::bigint AND revision = $4::bigint
  RETURNING 1`;

const ENDED = `INSERT INTO saga_attempts (order_id, saga, step, undo, number, outcome, reason, worker, served_by, finished_time)
  SELECT $1::uuid, $15, $16, $17, $18, $19, $20, $21, $22, $26::timestamptz WHERE $16 <> '' AND EXISTS (SELECT FROM held)
  ON CONFLICT (order_id, saga, step, undo, number) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason,
    served_by = excluded.served_by, finished_time = excluded.finished_time`;

const BEGUN = `INSERT INTO saga_attempts (order_id, saga, step, undo, number, outcome, reason, worker, served_by)
  SELECT $1::uuid, $15, $23, $24, $25, '', '', $21, '' WHERE $23 <> '' AND EXISTS (SELECT FROM held)
  ON CONFLICT DO NOTHING`;

const saveStep = statement<{ saved: boolean }>(
  "sagas-save-step",
  `WITH held AS (${HELD}), ended AS (${ENDED}), begun AS (${BEGUN})
  SELECT EXISTS (SELECT FROM held) AS saved,
    set_config('synchronous_commit', CASE WHEN $27::boolean THEN 'on' ELSE 'off' END, true)`,
);

const APPEND = 27;
const OUTBOX = APPEND + APPEND_PARAMETERS;
const CANCELS = OUTBOX + OUTBOX_PARAMETERS;
const append = appendSql(APPEND, "held");

const saveStepAndOrder = statement<{ saved: boolean }>(
  "sagas-save-step-and-order",
  `WITH held AS (${HELD}), ended AS (${ENDED}), begun AS (${BEGUN}),
    appended AS (${append.appended}), viewed AS (${append.viewed}),
    published AS (${outboxInsert(OUTBOX, "WHERE EXISTS (SELECT FROM held)")}),
    cancelling AS (INSERT INTO sagas (order_id, name, definition, service_version, direction, step, attempt, uncertain,
        reason, data, cancel_requested, correlation_id, traceparent, deadline, next_attempt_time, lease_owner, lease_until,
        fence, revision, stuck)
      SELECT order_id, '${CANCEL_ORDER.name}', ${CANCEL_ORDER.version}, service_version, 'forward', 0, 0, false, '', '{}',
        false, correlation_id, traceparent, now(), now(), '', now(), 0, 1, false
      FROM sagas WHERE order_id = $1::uuid AND name = $2 AND $${CANCELS}::boolean AND EXISTS (SELECT FROM held))
  SELECT EXISTS (SELECT FROM held) AS saved`,
);

const release = statement(
  "sagas-release",
  "UPDATE sagas SET lease_until = now() WHERE lease_owner = $1 AND finished_time IS NULL",
);
const releaseInstance = statement(
  "sagas-release-instance",
  "UPDATE sagas SET lease_until = now() WHERE lease_owner LIKE $1 || ':%' AND lease_owner <> $2 AND finished_time IS NULL",
);
const heartbeat = statement(
  "sagas-heartbeat",
  `INSERT INTO workers (instance, version, heartbeat_time) VALUES ($1, $2, now())
   ON CONFLICT (instance) DO UPDATE SET version = excluded.version, heartbeat_time = excluded.heartbeat_time`,
);
const countOpen = statement<{ open: bigint; stuck: bigint }>(
  "sagas-count-open",
  "SELECT count(*) AS open, count(*) FILTER (WHERE stuck) AS stuck FROM sagas WHERE finished_time IS NULL",
);

export class SagaStore {
  readonly #pool: pg.Pool;
  readonly #worker: Worker;

  constructor(pool: pg.Pool, worker: Worker) {
    this.#pool = pool;
    this.#worker = worker;
  }

  /** Takes up to `limit` sagas that nobody holds and whose time has come. */
  async claim(limit: number): Promise<SagaRecord[]> {
    const { leaseName, version, name } = this.#worker;
    const rows = await claim(this.#pool, [leaseName, version, LEASE_MS, limit, name]);
    return rows.map(toRecord).filter((record) => record !== undefined);
  }

  /** Saves a step taken. False when the saga was changed meanwhile: reload it and decide anew. */
  async save(progress: Progress, origin: Origin): Promise<boolean> {
    const { saga, next, ended, begun, change } = progress;
    const values = [
      saga.orderId,
      saga.definition.name,
      String(saga.fence),
      String(saga.revision),
      next.direction,
      next.step,
      next.attempt,
      next.uncertain,
      next.reason,
      next.stuck,
      JSON.stringify(isFinished(next) ? {} : progress.data),
      LEASE_MS + progress.waitMs,
      progress.waitMs,
      isFinished(next),
      `${saga.definition.name}/${saga.definition.version}`,
      ended?.step ?? "",
      ended?.undo ?? false,
      ended?.number ?? 0,
      ended?.outcome.kind ?? "",
      ended && ended.outcome.kind !== "ok" ? ended.outcome.reason : "",
      this.#worker.name,
      ended?.servedBy ?? "",
      begun?.step ?? "",
      begun?.undo ?? false,
      begun?.number ?? 0,
      progress.time,
    ];
    try {
      const [row] = change
        ? await saveStepAndOrder(this.#pool, [
            ...values,
            ...appendValues(change),
            ...outboxValues(change.published, origin),
            progress.cancelsNow,
          ])
        : await saveStep(this.#pool, [...values, mustSurvive(progress)]);
      return row?.saved ?? false;
    } catch (error) {
      // The order changed between this saga's last look at it and now.
      if (isUniqueViolation(error, "order_events_pkey") || isDeadlock(error)) return false;
      throw error;
    }
  }

  /** Lets go of everything this process holds. */
  async release(): Promise<void> {
    await release(this.#pool, [this.#worker.leaseName]);
  }

  /** Frees what an earlier process of this instance held: its supervisor has seen it die. */
  async releaseEarlierProcess(): Promise<void> {
    await releaseInstance(this.#pool, [this.#worker.instance, this.#worker.leaseName]);
  }

  /** Says that this process is alive. */
  async heartbeat(): Promise<void> {
    await heartbeat(this.#pool, [this.#worker.instance, this.#worker.version]);
  }

  /** Sagas that are not finished, and those of them that somebody has to look at. */
  async countOpen(): Promise<{ open: number; stuck: number }> {
    const [row] = await countOpen(this.#pool, []);
    return { open: Number(row?.open ?? 0), stuck: Number(row?.stuck ?? 0) };
  }
}

/**
 * Whether the record must be on disk before the saga goes on. A step forgotten in a crash of the database is done again,
 * which every callee is prepared for; that the charge was begun, or that the saga turned round, must not be forgotten.
 */
function mustSurvive({ saga, next }: Progress): boolean {
  return next.direction !== "forward" || next.step === saga.definition.pivot;
}
