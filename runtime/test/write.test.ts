import assert from "node:assert/strict";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import {
  OrderServiceService,
  PlaceOrderRequest,
  PlaceOrderResponse,
} from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, test } from "vitest";
import { type BackgroundWork, type Call, runInBackground } from "../src/call.ts";
import { onEventsCommitted } from "../src/database/commits.ts";
import { idempotent, RequestIdReused } from "../src/database/idempotency.ts";
import { inTransaction } from "../src/database/transaction.ts";
import { along, write } from "../src/database/write.ts";
import { event } from "../src/events/outbox.ts";
import { startPostgres } from "./harness.ts";

const WORK: BackgroundWork = { producer: "words/v1/words-v1-1", actor: "user:u-1", correlationId: "c-1" };

let postgres: Awaited<ReturnType<typeof startPostgres>>;
let pool: pg.Pool;

beforeAll(async () => {
  postgres = await startPostgres();
  ({ pool } = await postgres.database("words"));
  await pool.query("CREATE TABLE words (word text PRIMARY KEY, meaning text NOT NULL, version bigint NOT NULL)");
});

beforeEach(async () => {
  await pool.query("TRUNCATE words, runtime.outbox, runtime.requests");
});

afterAll(async () => {
  await pool?.end();
  await postgres?.remove();
});

const addWords = write(
  "test-add-words",
  { word: "text", meaning: "text" },
  { added: "INSERT INTO words SELECT word, meaning, 1 FROM held" },
  { remembers: true, audits: true },
);
const changeWords = write(
  "test-change-words",
  { word: "text", meaning: "text", expected: "bigint" },
  {
    ready: "SELECT asked.* FROM asked JOIN words USING (word) WHERE version = expected FOR UPDATE OF words",
    changed: "UPDATE words SET meaning = held.meaning, version = version + 1 FROM held WHERE words.word = held.word",
  },
);

const said = (word: string) => event(StockLevelChanged, word, 1, { productId: word, onHand: 1n });
const act = (word: string) => ({ action: "word.added", target: `word:${word}`, details: { length: word.length } });
const newWord = (word: string, meaning: string | undefined = "something") => ({
  ...{ word, meaning },
  ...along({ events: [said(word)], acts: [act(word)] }),
});
const rows = async (text: string) => (await pool.query<Record<string, unknown>>(text)).rows;
const column = async (text: string) => (await rows(text)).map((row) => Object.values(row)[0]);

test("a write has the change, its event and the act in it, on behalf of the call", async () => {
  assert.deepEqual(await runInBackground(WORK, () => addWords(pool, [newWord("ant"), newWord("bee")])), [true, true]);
  assert.deepEqual(await column("SELECT word FROM words ORDER BY 1"), ["ant", "bee"]);
  assert.deepEqual(
    await rows(
      "SELECT subject, aggregate_id, sequence::int, correlation_id, producer FROM runtime.outbox ORDER BY position",
    ),
    ["ant", "bee"].map((aggregate_id) => ({
      ...{ subject: "shop.inventory.v1.StockLevelChanged", aggregate_id, sequence: 1 },
      ...{ correlation_id: "c-1", producer: "words/v1/words-v1-1" },
    })),
  );
  assert.deepEqual(
    await rows("SELECT actor, action, target, correlation_id, details FROM runtime.audit ORDER BY id DESC LIMIT 1"),
    [{ actor: "user:u-1", action: "word.added", target: "word:bee", correlation_id: "c-1", details: { length: 3 } }],
  );
});

test("of a write that fails, nothing is there", async () => {
  const before = await column("SELECT count(*) FROM runtime.audit");
  const failing = runInBackground(WORK, () =>
    addWords(pool, [newWord("ant"), { ...newWord("bee"), meaning: undefined }]),
  );
  await assert.rejects(failing, /null value in column "meaning"/);
  assert.deepEqual(await column("SELECT word FROM words UNION ALL SELECT aggregate_id FROM runtime.outbox"), []);
  assert.deepEqual(await column("SELECT count(*) FROM runtime.audit"), before);
});

test("records that are not as they were read are left out with their events, and told so; the others are written", async () => {
  await runInBackground(WORK, () => addWords(pool, [newWord("ant"), newWord("bee")]));
  await pool.query("TRUNCATE runtime.outbox");
  const changed = (word: string, expected: string) => ({
    word,
    meaning: "new",
    expected,
    ...along({ events: [said(word)] }),
  });
  const done = await runInBackground(WORK, () => changeWords(pool, [changed("ant", "7"), changed("bee", "1")]));
  assert.deepEqual(done, [false, true]);
  assert.deepEqual(await column("SELECT word FROM words WHERE meaning = 'new'"), ["bee"]);
  assert.deepEqual(await column("SELECT aggregate_id FROM runtime.outbox"), ["bee"]);
});

test("nothing is written on nobody's behalf, and no act where none is kept", async () => {
  assert.throws(() => newWord("ant"), /there is no call/);
  const audited = runInBackground(WORK, () => along({ acts: [act("ant")] }));
  await assert.rejects(changeWords(pool, [{ word: "ant", meaning: "m", expected: "1", ...audited }]), /audits nothing/);
});

test("events wake their relay when they are committed: at once through the pool, at the end of a transaction, never after a rollback", async (t) => {
  const { pool } = await postgres.database(`wakes-${t.task.id}`);
  await pool.query("CREATE TABLE words (word text PRIMARY KEY, meaning text NOT NULL, version bigint NOT NULL)");
  let wakes = 0;
  onEventsCommitted(pool, () => {
    wakes += 1;
  });
  await runInBackground(WORK, async () => {
    await addWords(pool, [newWord("ant")]);
    assert.equal(wakes, 1);
    await inTransaction(pool, async (tx) => {
      await addWords(tx, [newWord("bee")]);
      assert.equal(wakes, 1, "others cannot see it yet");
    });
    assert.equal(wakes, 2);
    await assert.rejects(
      inTransaction(pool, async (tx) => {
        await addWords(tx, [newWord("cat")]);
        throw new Error("no");
      }),
      /no/,
    );
    await inTransaction(pool, async (tx) => tx.query("SELECT 1"));
    assert.equal(wakes, 2);
  });
  await pool.end();
});

/** What an idempotent handler reads of a call. */
const codec = OrderServiceService.placeOrder;
const call = { actor: "user:u-1", method: { path: codec.path }, codec } as unknown as Call;
const asked = (requestId: string, paymentToken = "tok_ok") => PlaceOrderRequest.create({ requestId, paymentToken });
const answerOf = (id: string) => PlaceOrderResponse.create({ order: { id } });

for (const inOneStatement of [false, true]) {
  const how = inOneStatement ? "in one statement" : "looked up first";
  /** A handler that adds a word and answers with it; each time it runs it would be another word. */
  const handler = () => {
    let runs = 0;
    const handle = idempotent<PlaceOrderRequest, PlaceOrderResponse>(
      pool,
      async (_request, _call, remember) => {
        runs += 1;
        const response = answerOf(`word-${runs}`);
        const word = {
          ...newWord(`word-${runs}`),
          ...along({ events: [said(`word-${runs}`)], answer: remember(response) }),
        };
        const [isNew] = await addWords(pool, [word]);
        return isNew ? response : undefined;
      },
      { inOneStatement },
    );
    return {
      handle: (request: PlaceOrderRequest) => runInBackground(WORK, () => handle(request, call)),
      runs: () => runs,
    };
  };

  test(`a repeat gets the first answer and changes nothing more, ${how}`, async () => {
    const { handle } = handler();
    const first = await handle(asked("r-1"));
    assert.deepEqual(await handle(asked("r-1")), first);
    assert.deepEqual(await column("SELECT word FROM words"), ["word-1"]);
    assert.deepEqual(await column("SELECT aggregate_id FROM runtime.outbox"), ["word-1"]);
  });

  test(`of twins that come together one is done, and both get its answer, ${how}`, async () => {
    const { handle } = handler();
    const answers = await Promise.all(Array.from({ length: 5 }, () => handle(asked("r-1"))));
    assert.equal(new Set(answers.map(({ order }) => order?.id)).size, 1);
    assert.deepEqual(await column("SELECT word FROM words"), [answers[0]?.order?.id]);
  });

  test(`another body under the id of a request is refused, ${how}`, async () => {
    const { handle } = handler();
    await handle(asked("r-1"));
    await assert.rejects(handle(asked("r-1", "tok_declined")), RequestIdReused);
    await handle(asked("r-2", "tok_declined"));
    assert.equal((await column("SELECT count(*)::int FROM words"))[0], 2);
  });
}
