/** People at the whole shop, as `row load` and whatever else makes a load sends them. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Secrets } from "@row/laptop/secrets.ts";
import { loadJobOf } from "@row/laptop/shop/load-job.ts";
import type { LoadWish } from "@row/load/load-job.ts";
import { MIXES, type MixName } from "@row/load/mixes.ts";
import { runLoad } from "@row/load/run-load.ts";
import { beforeAll, test } from "vitest";
import { type TheShop, theShop } from "./harness/the-shop.ts";

let shop: TheShop;

beforeAll(async () => {
  shop = await theShop();
});

function load(wish: Partial<LoadWish>, signal?: AbortSignal) {
  const usual: LoadWish = { mix: "mixed", rate: 20, seconds: 5, spacing: "poisson", seed: 5, connections: 16 };
  const job = loadJobOf({ ...usual, ...wish }, shop.address("edge", "http"), new Secrets(shop.installation.stateDir));
  return runLoad(job, { signal });
}

async function ordersPlaced(): Promise<number> {
  const { rows } = await shop.database("orders").query<{ count: number }>("SELECT count(*)::int AS count FROM orders");
  return rows[0]?.count ?? 0;
}

for (const mix of Object.keys(MIXES) as MixName[]) {
  test(`everything that people of the mix "${mix}" ask is answered well, by versions that say who they are`, async () => {
    const before = await ordersPlaced();
    const { due, ok, kinds, versions } = await load({ mix, rate: 10, seconds: 8 });
    const failed = Object.entries(kinds).flatMap(([kind, one]) => (one.failed > 0 ? [kind, one.statuses] : []));
    assert.equal(ok, due, JSON.stringify(failed));
    assert.equal(await ordersPlaced(), before + (kinds["place order"]?.requests ?? 0));
    const asked = Object.entries(MIXES[mix]).filter(([, share]) => share >= 5);
    for (const [kind] of asked) assert.ok((kinds[kind]?.requests ?? 0) > 0, `nobody of ${mix} did ${kind}`);
    assert.ok((versions["edge/v1"]?.requests ?? 0) === due);
    assert.ok((versions["catalog/v1"]?.requests ?? 0) > 0);
    assert.equal((versions["orders/v1"]?.requests ?? 0) > 0, mix !== "read");
  });
}

test("what is ordered can be delivered: no order of a load is cancelled for want of stock", async () => {
  const since = new Date();
  await load({ mix: "order", rate: 30, seconds: 4 });
  for (;;) {
    const { rows } = await shop
      .database("orders")
      .query("SELECT state, cancel_reason, count(*)::int FROM orders WHERE create_time >= $1 GROUP BY 1, 2", [since]);
    assert.ok(
      rows.every(({ state }) => state !== "CANCELLED"),
      JSON.stringify(rows),
    );
    if (rows.every(({ state }) => state !== "PENDING")) break;
    await sleep(100);
  }
});

test("a load that is told to end waits for what is under way, and counts it", async () => {
  const { due, requests, isCutShort } = await load({ rate: 40, seconds: 600 }, AbortSignal.timeout(2_000));
  assert.equal(isCutShort, true);
  assert.equal(requests, due);
});

test("more than its connections can carry is counted as late, from when it was due", async () => {
  // No order is answered within the 2.5 ms that one connection would have for each.
  const { backlog, longest } = await load({ mix: "order", rate: 400, seconds: 3, connections: 1 });
  assert.ok(backlog.late > 0 && backlog.longestMs > 1_000, JSON.stringify(backlog));
  assert.ok(longest >= backlog.longestMs * 0.99, `the longest took ${longest} ms, and waited ${backlog.longestMs} ms`);
});
