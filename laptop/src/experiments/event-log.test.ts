import assert from "node:assert/strict";
import { test } from "vitest";
import { EventLog, type PublishedEvent } from "./event-log.ts";

const arms = { service: "payments", stable: "v1", baseline: "v1-baseline", canary: "v2" };

function event(id: string, more: Partial<PublishedEvent> = {}): PublishedEvent {
  const type = "shop.payments.v1.PaymentCaptured";
  const producer = "payments/v2/payments-v2-1";
  return { id, type, aggregateId: `of ${id}`, sequence: 1n, producer, payload: "hash", ...more };
}

const OF_BASELINE = { producer: "payments/v1-baseline/payments-v1-baseline-1" };

test("an event counts as taken after five seconds, for the version that wrote it", () => {
  const log = new EventLog("payments");
  log.published(event("a"), 0);
  log.published(event("b", OF_BASELINE), 4_000);
  log.published(event("c", { producer: "orders/v2/orders-v2-1" }), 0);
  const none = { total: 0, failed: 0 };
  assert.deepEqual(log.take(arms, 4_999).stratum, { stratum: "all", baseline: none, canary: none });
  assert.deepEqual(log.take(arms, 5_000).stratum, { stratum: "all", baseline: none, canary: { total: 1, failed: 0 } });
  assert.deepEqual(log.take(arms, 9_000).stratum, { stratum: "all", baseline: { total: 1, failed: 0 }, canary: none });
});

test("a dead letter counts at once, once however many consumers put it aside, and never without its event", () => {
  const log = new EventLog("payments");
  log.published(event("a"), 0);
  log.died(event("a"));
  log.died(event("a"));
  const { stratum, example } = log.take(arms, 1_000);
  assert.deepEqual(stratum.canary, { total: 1, failed: 1 });
  assert.equal(example, "event a (shop.payments.v1.PaymentCaptured)");
  assert.deepEqual(log.take(arms, 60_000).stratum.canary, { total: 0, failed: 0 });
  log.published(event("late"), 60_000);
  assert.deepEqual(log.take(arms, 70_000).stratum.canary, { total: 1, failed: 0 });
  log.died(event("late"));
  assert.deepEqual(
    log.take(arms, 71_000).stratum.canary,
    { total: 1, failed: 1 },
    "no window has more dead than events",
  );
});

test("a dead letter of the baseline or of stable is no example of the canary", () => {
  const log = new EventLog("payments");
  log.died(event("a", OF_BASELINE));
  const { stratum, example } = log.take(arms, 0);
  assert.deepEqual(stratum.baseline, { total: 1, failed: 1 });
  assert.equal(example, undefined);
});

test("one aggregate and sequence has one event with one payload; the same again is no other", () => {
  const seen = (second: PublishedEvent) => {
    const log = new EventLog("payments");
    log.published(event("a", { aggregateId: "p-1" }), 0);
    log.published(second, 0);
    return log.take(arms, 0).violation;
  };
  assert.equal(seen(event("a", { aggregateId: "p-1" })), undefined);
  assert.equal(seen(event("b", { aggregateId: "p-1", sequence: 2n })), undefined);
  assert.deepEqual(seen(event("b", { aggregateId: "p-1" })), {
    invariant: "one-event",
    example: "shop.payments.v1.PaymentCaptured p-1, sequence 1: event a and a second event b",
  });
  assert.match(seen(event("a", { aggregateId: "p-1", payload: "other" }))?.example ?? "", /event a and two payloads/);
});
