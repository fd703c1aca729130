/** Sagas in Postgres: leases with fencing numbers, and one statement per step taken. */
import { Batcher } from "@row/runtime/database/batcher.ts";
import { countedRows } from "@row/runtime/database/counting.ts";
import { isDeadlock, isUniqueViolation, statement } from "@row/runtime/database/postgres.ts";
import { along, write } from "@row/runtime/database/write.ts";
import type pg from "pg";
import { CHANGE_COLUMNS, CHANGED, changeColumns } from "../change.ts";
import { CANCEL_ORDER, DEFINITIONS } from "./definitions.ts";
import { isFinished, mustSurvive } from "./saga.ts";
import type { Progress } from "./saga-progress.ts";
import { LEASE_MS, SAGA_ROW, type SagaRecord, type SagaRow, toRecord, type Worker } from "./saga-record.ts";
import { insertAttempts, insertSagas, STILL_WAITING } from "./saga-statements.ts";

/** A version whose workers have been silent for this long is gone, and its sagas may be adopted. */
const GONE_AFTER_SECONDS = 30;
/** How many attempts at a step are kept from its first on, and as many from its last back. */
export const KEPT_ATTEMPTS = 10;

/** Code that is newer may have left sagas that this one could not drive. */
const DRIVEN = [DEFINITIONS.map(({ name }) => name), DEFINITIONS.map(({ version }) => version)];

// Those that wait, and those that nobody holds, each get a share of the places: neither keeps the other from its turn.
const DUE = `FROM sagas
    WHERE finished_time IS NULL AND lease_until < now() AND next_attempt_time <= now()
      AND (name, definition) IN (SELECT * FROM unnest($6::text[], $7::int[]))
      AND (service_version = $2 OR NOT EXISTS (
        SELECT FROM workers w WHERE w.version = sagas.service_version
          AND w.heartbeat_time > now() - interval '${GONE_AFTER_SECONDS} s'))`;

const claim = statement<SagaRow & { previous_version: string }>(
  "sagas-claim",
  `WITH waiting AS (
    SELECT order_id, name, service_version AS previous_version ${DUE} AND waiting_revision IS NOT NULL
    ORDER BY next_attempt_time LIMIT ($4::int + (random() < 0.5)::int) / 2 FOR UPDATE SKIP LOCKED),
  others AS (
    SELECT order_id, name, service_version AS previous_version ${DUE} AND waiting_revision IS NULL
    ORDER BY create_time LIMIT $4::int - (SELECT count(*) FROM waiting) FOR UPDATE SKIP LOCKED),
  due AS (TABLE waiting UNION ALL TABLE others),
  claimed AS (
    UPDATE sagas s SET lease_owner = $1, lease_until = now() + $3::int * interval '1 ms', fence = fence + 1,
      revision = revision + 1, waiting_revision = ${STILL_WAITING}, service_version = $2
    FROM due WHERE s.order_id = due.order_id AND s.name = due.name
    RETURNING s.*, due.previous_version),
  adopted AS (
    ${insertAttempts(
      {
        ...{ saga: "name || '/' || definition", step: "'adopt-' || $2", undo: "false", number: "fence", worker: "$5" },
        ...{ outcome: "'adopted'", reason: "previous_version || ' is gone'", finishedTime: "now()" },
      },
      "claimed WHERE previous_version <> $2",
    )})
  SELECT ${SAGA_ROW} FROM claimed AS sagas`,
);

const STEP_COLUMNS = {
  ...{ order_id: "uuid", name: "text", fence: "bigint", revision: "bigint" },
  ...{ direction: "text", step: "int", attempt: "int", uncertain: "boolean", reason: "text", stuck: "boolean" },
  ...{ data: "jsonb", wait_ms: "int", puts_down: "boolean", is_finished: "boolean", must_survive: "boolean" },
  ...{ saga: "text", worker: "text" },
  ...{ ended_step: "text", ended_undo: "boolean", ended_number: "int" },
  ...{ outcome: "text", ended_reason: "text", served_by: "text" },
  ...{ begun_step: "text", begun_undo: "boolean", begun_number: "int", cancels: "boolean" },
  ...CHANGE_COLUMNS,
} as const;

// Fence and revision say that nobody wrote since, so also that it is not finished; a condition on finished_time would lead the
// planner from the primary key to the index of unfinished sagas.
const HELD = `UPDATE sagas SET direction = asked.direction, step = asked.step, attempt = asked.attempt,
    uncertain = asked.uncertain, reason = asked.reason, stuck = asked.stuck, data = asked.data, revision = sagas.revision + 1,
    waiting_revision = CASE WHEN puts_down THEN sagas.revision + 1 END, next_attempt_time = now() + wait_ms * interval '1 ms',
    lease_until = now() + CASE WHEN puts_down THEN 0 ELSE ${LEASE_MS} + wait_ms END * interval '1 ms',
    finished_time = CASE WHEN is_finished THEN now() END
  FROM asked WHERE sagas.order_id = asked.order_id AND sagas.name = asked.name
    AND sagas.fence = asked.fence AND sagas.revision = asked.revision
  RETURNING asked.*`;

const ATTEMPT = { saga: "saga", worker: "worker" };

const ENDED = `${insertAttempts(
  {
    ...{ ...ATTEMPT, step: "ended_step", undo: "ended_undo", number: "ended_number", outcome: "outcome" },
    ...{ reason: "ended_reason", servedBy: "served_by", finishedTime: "now()" },
  },
  "held WHERE ended_step IS NOT NULL",
)} ON CONFLICT (order_id, saga, step, undo, number) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason,
    served_by = excluded.served_by, finished_time = excluded.finished_time`;

const BEGUN = `${insertAttempts(
  { ...ATTEMPT, step: "begun_step", undo: "begun_undo", number: "begun_number" },
  "held WHERE begun_step IS NOT NULL",
)} ON CONFLICT DO NOTHING`;

/** Whoever wished to cancel before the order was confirmed gets that now: in another saga, which somebody else may drive. */
const CANCELLING = insertSagas(`(
  SELECT order_id, '${CANCEL_ORDER.name}' AS saga_name, ${CANCEL_ORDER.version} AS definition, service_version, 0 AS attempt,
    '{}'::jsonb AS saga_data, correlation_id, traceparent, tracestate, baggage, 0 AS timeout_ms, '' AS lease_owner, 0 AS lease_ms
  FROM sagas JOIN held USING (order_id, name) WHERE held.cancels) AS beginning`);

/** Of a step that is tried without end, the first and the latest attempts are enough. */
const FORGOTTEN = `DELETE FROM saga_attempts old USING held
  WHERE old.order_id = held.order_id AND old.saga = held.saga AND old.step = begun_step AND old.undo = begun_undo
    AND old.number = begun_number - ${KEPT_ATTEMPTS} AND old.number > ${KEPT_ATTEMPTS}`;

/** Any number of steps of different orders; those whose saga was changed meanwhile are left out. */
const saveSteps = write(
  "sagas-save-steps",
  STEP_COLUMNS,
  { held: HELD, ended: ENDED, begun: BEGUN, forgotten: FORGOTTEN, ...CHANGED, cancelling: CANCELLING },
  { mustSurvive: "must_survive" },
);

const selectSaga = statement<SagaRow>("sagas-find", `SELECT ${SAGA_ROW} FROM sagas WHERE order_id = $1 AND name = $2`);
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
const UNFINISHED = "FROM sagas WHERE finished_time IS NULL";
const countOpen = statement<{ open: number; stuck: number; oldest: number }>(
  "sagas-count-open",
  `SELECT ${countedRows(`SELECT ${UNFINISHED} ORDER BY create_time`)} AS open,
    ${countedRows(`SELECT ${UNFINISHED} AND stuck ORDER BY create_time`)} AS stuck,
    coalesce(extract(epoch FROM clock_timestamp() - (SELECT min(create_time) ${UNFINISHED})), 0)::float8 AS oldest`,
);

export class SagaStore {
  readonly #pool: pg.Pool;
  readonly #worker: Worker;
  // An order changes by one step at a time: two sagas of one order may not share a batch.
  readonly #saving = new Batcher(
    (steps: Parameters<typeof saveSteps>[1]) => saveSteps(this.#pool, steps),
    ({ order_id }) => String(order_id),
  );

  constructor(pool: pg.Pool, worker: Worker) {
    this.#pool = pool;
    this.#worker = worker;
  }

  /** Takes up to `limit` sagas that nobody holds and whose time has come. */
  async claim(limit: number): Promise<SagaRecord[]> {
    const { leaseName, version, name } = this.#worker;
    const rows = await claim(this.#pool, [leaseName, version, LEASE_MS, limit, name, ...DRIVEN]);
    return rows.map(toRecord).filter((record) => record !== undefined);
  }

  async find(orderId: string, name: string): Promise<SagaRecord | undefined> {
    const [row] = await selectSaga(this.#pool, [orderId, name]);
    return row && toRecord(row);
  }

  /** Saves a step taken. False when the saga was changed meanwhile: reload it and decide anew. */
  async save(progress: Progress): Promise<boolean> {
    try {
      return await this.#saving.do(stepRecord(progress, this.#worker));
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

  /** Sagas that are not finished and those of them that somebody has to look at, up to MOST_COUNTED; the oldest's age in seconds. */
  async countOpen(): Promise<{ open: number; stuck: number; oldestSeconds: number }> {
    const [row] = await countOpen(this.#pool, []);
    return { open: row?.open ?? 0, stuck: row?.stuck ?? 0, oldestSeconds: row?.oldest ?? 0 };
  }
}

/** A step taken, as a record of STEP_COLUMNS. */
function stepRecord(progress: Progress, worker: Worker) {
  const { saga, next, data, ended, begun, waitMs, putsDown, change, cancelsNow } = progress;
  const { definition } = saga;
  return {
    order_id: saga.orderId,
    name: definition.name,
    fence: String(saga.fence),
    revision: String(saga.revision),
    direction: next.direction,
    step: next.step,
    attempt: next.attempt,
    uncertain: next.uncertain,
    reason: next.reason,
    stuck: next.stuck,
    data: isFinished(next) ? {} : data,
    wait_ms: waitMs,
    puts_down: putsDown,
    is_finished: isFinished(next),
    must_survive: mustSurvive(definition, next),
    saga: `${definition.name}/${definition.version}`,
    worker: worker.name,
    ended_step: ended?.step,
    ended_undo: ended?.undo,
    ended_number: ended?.number,
    outcome: ended?.outcome.kind,
    ended_reason: ended && (ended.outcome.kind === "ok" ? "" : ended.outcome.reason),
    served_by: ended?.servedBy,
    begun_step: begun?.step,
    begun_undo: begun?.undo,
    begun_number: begun?.number,
    cancels: cancelsNow,
    ...changeColumns(change),
    ...along({ events: change?.published ?? [] }),
  };
}
