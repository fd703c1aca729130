/** A short attack; `npm run attack` makes the long one. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { afterAll, beforeAll, test } from "vitest";
import { portBase } from "../harness/ports.ts";
import { runCampaign } from "./campaign.ts";

/** Another every day. */
const SEED = Number(process.env.ROW_SEED ?? Math.floor(Date.now() / 86_400_000));
const ATTACKS = 400;

let shop: Shop;

beforeAll(async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "row-attack-"));
  shop = await startShop({ stateDir, portBase: await portBase(), isThrowaway: true });
});
afterAll(() => shop?.destroy());

test("nobody gets at what is not theirs, and people are answered while one client holds all connections that it may have", async () => {
  const { attacks, orders, connections, people, problems } = await runCampaign(shop, { seed: SEED, attacks: ATTACKS });
  assert.deepEqual(problems, [], `with ROW_SEED=${SEED}`);
  assert.equal(
    Object.values(attacks).reduce((sum, count) => sum + count, 0),
    ATTACKS,
  );
  assert.ok(orders > 1, "somebody bought something");
  assert.ok(people.requests > 10, JSON.stringify(people));
  assert.ok(connections.most > 1_000, JSON.stringify(connections));
});
