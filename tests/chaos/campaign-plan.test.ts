import assert from "node:assert/strict";
import { test } from "vitest";
import { planCampaign } from "./campaign-plan.ts";

const SHAPE = { seed: 7, orders: 200, rounds: 2, bursts: 2 };

test("a seed repeats its campaign, another one makes another", () => {
  assert.deepEqual(planCampaign(SHAPE), planCampaign(SHAPE));
  assert.notDeepEqual(planCampaign(SHAPE), planCampaign({ ...SHAPE, seed: 8 }));
});

test("every round kills everybody, takes NATS away for 10 s, restarts and crashes Postgres, and freezes orders", () => {
  for (const { faults } of planCampaign(SHAPE)) {
    const killed = new Set(faults.filter(({ kind }) => kind === "kill").map(({ process }) => process));
    assert.deepEqual([...killed].sort(), ["card-gateway", "inventory", "orders", "payments"]);
    assert.ok(faults.some(({ kind }) => kind === "kill-relay"));
    assert.ok(faults.some((fault) => "forMs" in fault && fault.forMs === 10_000));
    for (const wanted of ["restart", "crash"])
      assert.ok(
        faults.some(({ kind }) => kind === wanted),
        wanted,
      );
    assert.ok(faults.some(({ kind, process }) => kind === "freeze" && process === "orders"));
    assert.deepEqual(
      faults,
      faults.toSorted((a, b) => a.atMs - b.atMs),
    );
  }
});

test("orders are mixed: every card, some cancelled, some sent more than once, no request id twice", () => {
  const orders = planCampaign(SHAPE).flatMap((round) => round.orders);
  assert.equal(orders.length, 800);
  assert.equal(new Set(orders.map(({ wish }) => wish.paymentToken)).size, 5);
  assert.ok(orders.some(({ cancelAfterMs }) => cancelAfterMs !== undefined));
  assert.ok(orders.some(({ times }) => times > 1));
  assert.equal(new Set(orders.map(({ requestId }) => requestId)).size, orders.length);
});
