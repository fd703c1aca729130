import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Order_State as State } from "@row/gen/grpc/shop/orders/v1/order.ts";
import { createPool } from "@row/runtime/database/postgres.ts";
import { createLogger } from "@row/runtime/telemetry/logger.ts";
import type pg from "pg";
import { afterAll, beforeAll, test } from "vitest";
import type { Order } from "../src/order.ts";
import { OrderChanges } from "../src/order-changes.ts";
import { OrderStore } from "../src/order-store.ts";
import { type Attempted, decide, type Progress } from "../src/saga/saga-progress.ts";
import { type SagaRecord, thisWorker } from "../src/saga/saga-record.ts";
import { SagaStore } from "../src/saga/saga-store.ts";
import { goodOrder, type OrdersUnderTest, startOrders } from "./orders-under-test.ts";

/** An attempt that nobody answered. */
const lost = ({ data }: SagaRecord): Attempted => ({
  outcome: { kind: "unknown", reason: "UNAVAILABLE" },
  data,
  servedBy: "",
});

let shop: OrdersUnderTest;
let db: pg.Pool;
beforeAll(async () => {
  shop = await startOrders({ orders: { SAGA_TIMEOUT_MS: "600000" } });
  // As orders has it, which reads bigint as BigInt.
  db = createPool(shop.services.shop.process("orders").env.DATABASE_URL ?? "", createLogger({}, "silent"), 4);
});
afterAll(async () => {
  await db?.end();
  await shop?.services.stop();
});

/** An order whose saga nobody drives: the process that did is gone, and so is its lease. */
async function abandoned(): Promise<string> {
  await shop.services.shop.halt("payments");
  const { order } = await shop.orders.placeOrder(goodOrder());
  assert.ok(order);
  await sleep(100);
  await shop.services.shop.halt("orders");
  await db.query(
    "UPDATE sagas SET lease_until = now() - interval '1 s', next_attempt_time = now() WHERE order_id = $1",
    [order.id],
  );
  return order.id;
}

async function confirmed(id: string): Promise<void> {
  for (const name of ["payments", "orders"]) await shop.services.shop.resume(name);
  assert.equal((await shop.settled(id)).state, State.CONFIRMED);
}

/** A process of orders, as far as its sagas go. */
function process(instance: string) {
  const worker = thisWorker(`orders/v1/${instance}`);
  const store = new SagaStore(db, worker);
  const orders = new OrderStore(db, new OrderChanges(db, "", createLogger({}, "silent")));
  const claim = async (id: string): Promise<{ saga: SagaRecord; order: Order }> => {
    const saga = (await store.claim(10)).find(({ orderId }) => orderId === id);
    const order = await orders.get(id);
    assert.ok(saga && order);
    return { saga, order };
  };
  return { store, claim };
}

test("who has lost the lease can write nothing any more", async () => {
  const id = await abandoned();
  const [slow, quick] = [process("slow"), process("quick")];
  const late = await slow.claim(id);
  await db.query("UPDATE sagas SET lease_until = now() - interval '1 s' WHERE order_id = $1", [id]);
  const held = await quick.claim(id);
  assert.ok(held.saga.fence > late.saga.fence);
  assert.equal(await slow.store.save(decide(late.saga, late.order, lost(late.saga))), false);
  assert.equal(await quick.store.save(decide(held.saga, held.order, lost(held.saga))), true);
  assert.equal(await slow.store.save(decide(late.saga, late.order, lost(late.saga))), false);
  await quick.store.release();
  await confirmed(id);
});

test("a step that is tried without end leaves its first and its latest attempts in the log", async () => {
  const id = await abandoned();
  const { store, claim } = process("patient");
  let { saga, order } = await claim(id);
  const save = async (attempted?: Attempted): Promise<Progress> => {
    const progress = decide(saga, order, attempted);
    assert.ok(await store.save(progress));
    saga = { ...saga, state: progress.next, revision: saga.revision + 1n };
    return progress;
  };
  while (saga.state.attempt < 35) if ((await save(lost(saga))).putsDown) await save();
  const { rows } = await db.query<{ number: number }>(
    "SELECT number FROM saga_attempts WHERE order_id = $1 AND step = 'authorize-payment' AND NOT undo ORDER BY number",
    [id],
  );
  const from = (first: number) => Array.from({ length: 10 }, (_, index) => first + index);
  assert.deepEqual(
    rows.map(({ number }) => number),
    [...from(1), ...from(26)],
  );
  await store.release();
  await confirmed(id);
});

test("a saga that only newer code could drive is left to newer code", async () => {
  const id = await abandoned();
  await db.query("UPDATE sagas SET definition = 99 WHERE order_id = $1", [id]);
  assert.deepEqual(await process("old").store.claim(10), []);
  await db.query("UPDATE sagas SET definition = 1 WHERE order_id = $1", [id]);
  await confirmed(id);
});
