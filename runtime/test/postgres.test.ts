import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { OrderServiceService, PlaceOrderRequest } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type pg from "pg";
import { afterAll, beforeAll, test } from "vitest";
import { type Call, runInBackground } from "../src/call.ts";
import { recordAct } from "../src/database/audit.ts";
import { Batcher } from "../src/database/batcher.ts";
import { idempotent } from "../src/database/idempotency.ts";
import { createPool } from "../src/database/postgres.ts";
import { inTransaction } from "../src/database/transaction.ts";
import { isDatabaseTrouble } from "../src/database/trouble.ts";
import { DomainError } from "../src/domain-error.ts";
import { log, startPostgres } from "./harness.ts";

/** Much shorter than in a shop, so that the test is short. */
const ANSWER_MS = 1_000;

let postgres: Awaited<ReturnType<typeof startPostgres>>;
let pool: pg.Pool;

beforeAll(async () => {
  postgres = await startPostgres();
  const { url, pool: other } = await postgres.database("frozen");
  await other.query("CREATE TABLE words (word text PRIMARY KEY)");
  await other.end();
  pool = createPool(url, log, 3, { answerMs: ANSWER_MS });
});

afterAll(async () => {
  await pool?.end();
  await postgres?.remove();
});

/** What became of some work, and after how many milliseconds. */
async function outcome(work: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
  const startedAt = performance.now();
  const done = work.then(
    () => "done",
    (failure: unknown) => failure,
  );
  const error = await Promise.race([done, sleep(10 * ANSWER_MS, "not yet", { ref: false })]);
  return { error, ms: performance.now() - startedAt };
}

test("a Postgres that stands still holds nobody up for longer than an answer may take, and what is late is not written", async (t) => {
  t.onTestFinished(() => postgres.thaw());
  const words = new Batcher(
    async (batch: readonly string[]) => {
      await pool.query("INSERT INTO words SELECT unnest($1::text[])", [batch]);
      return batch;
    },
    (word) => word,
  );
  await words.do("before");
  postgres.freeze();
  const stuck = outcome(words.do("stuck"));
  await sleep(20); // its statement is under way
  const late = outcome(runInBackground({ deadline: performance.now() + 300 }, () => words.do("late")));

  const { error, ms } = await stuck;
  assert.ok(isDatabaseTrouble(error), String(error));
  assert.ok(ms < 3 * ANSWER_MS, `${ms} ms`);
  assert.equal(String((await late).error), "DomainError: Cannot answer in time");
  postgres.thaw();
  assert.equal(await words.do("after"), "after");
  const { rows } = await pool.query<{ word: string }>("SELECT word FROM words WHERE word <> 'stuck' ORDER BY word");
  assert.deepEqual(
    rows.map(({ word }) => word),
    ["after", "before"],
    "whether the one under way was written, nobody can say",
  );
});

test("a transaction does not wait twice, and its connection goes with the answer it still waits for", async (t) => {
  t.onTestFinished(() => postgres.thaw());
  const client = await pool.connect();
  await client.query("BEGIN");
  postgres.freeze();
  const selected = await outcome(client.query("SELECT 'late' AS answer"));
  const rolledBack = await outcome(client.query("ROLLBACK"));
  client.release(); // as if nothing had been wrong
  postgres.thaw();
  assert.ok(isDatabaseTrouble(selected.error), String(selected.error));
  assert.ok(isDatabaseTrouble(rolledBack.error), String(rolledBack.error));
  assert.ok(selected.ms + rolledBack.ms < 2 * ANSWER_MS, `${selected.ms} + ${rolledBack.ms} ms`);
  const answers = await Promise.all(
    [1, 2, 3].map(async (answer) => (await pool.query("SELECT $1::int AS answer", [answer])).rows),
  );
  assert.deepEqual(answers, [[{ answer: 1 }], [{ answer: 2 }], [{ answer: 3 }]]);
});

test("a connection that is ended amid a transaction costs that transaction, not the process", async (t) => {
  const { pool } = await postgres.database("cut_off"); // a plain one, as tools have it
  t.onTestFinished(() => pool.end());
  for (const when of ["between two statements", "during a statement"]) {
    const cutOff = inTransaction(pool, async (tx) => {
      const { rows } = await tx.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      const end = () => pool.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
      if (when === "during a statement") {
        const statement = assert.rejects(
          tx.query("SELECT pg_sleep(9)"),
          /terminating connection due to administrator command/,
        );
        await sleep(100);
        await end();
        await statement;
      } else {
        await end();
        await sleep(100); // as work on something else takes
      }
      await tx.query("SELECT 1");
    });
    await assert.rejects(cutOff, /not queryable|terminat/, when);
    await sleep(50); // an error that nobody listens for would end this process by now
    assert.equal(await inTransaction(pool, async (tx) => (await tx.query("SELECT 1 AS one")).rows[0].one), 1);
  }
});

test("an act is recorded with who did it and on which call, and stays", async () => {
  await runInBackground({ actor: "user:u-1", correlationId: "c-1" }, async () => {
    await recordAct(pool, { action: "order.read", target: "order:o-1" });
    await recordAct(pool, { action: "order.read", target: "order:o-2", details: { items: 2 } });
  });
  const { rows } = await pool.query(
    "SELECT actor, action, target, correlation_id, details FROM runtime.audit ORDER BY id",
  );
  const same = { actor: "user:u-1", action: "order.read", correlation_id: "c-1" };
  assert.deepEqual(rows, [
    { ...same, target: "order:o-1", details: {} },
    { ...same, target: "order:o-2", details: { items: 2 } },
  ]);
  await assert.rejects(pool.query("DELETE FROM runtime.audit"), /append-only/);
});

test("for what was not even tried, no earlier answer is looked for", async () => {
  let asked = 0;
  const query = ((...given: unknown[]) => {
    asked += 1;
    return (pool.query as (...given: unknown[]) => unknown).apply(pool, given);
  }) as pg.Pool["query"];
  const codec = OrderServiceService.placeOrder;
  const call = { actor: "user:u-1", method: { path: codec.path }, codec } as unknown as Call; // all that it reads of one
  const request = PlaceOrderRequest.create({ requestId: "r-1" });
  const placed = (error: Error) =>
    idempotent({ query }, () => Promise.reject(error), { inOneStatement: true })(request, call);
  await assert.rejects(placed(new DomainError("too-late", "DEADLINE_EXCEEDED", "too late")), /too late/);
  await assert.rejects(placed(new DomainError("exhausted", "TOO_MANY_CALLS", "too many")), /too many/);
  assert.equal(asked, 0);
  await assert.rejects(placed(new DomainError("refused", "PRICE_CHANGED", "it costs more")), /it costs more/);
  assert.equal(asked, 1);
});
