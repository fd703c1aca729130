import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { SeededRandom } from "@row/load/seeded-random.ts";
import { afterAll, beforeAll, test } from "vitest";
import { type ServicesUnderTest, startServices } from "../harness/service-under-test.ts";
import { describe, violationsIn } from "../invariants/invariants.ts";
import { inDatabase } from "../invariants/read-databases.ts";
import { readEvidence } from "../invariants/read-evidence.ts";
import { readStreams } from "../invariants/read-streams.ts";
import { settle } from "../invariants/settle.ts";
import { DEMO_PRODUCTS, DEMO_SHELF } from "./demo-shelf.ts";
import { grpcDoor } from "./grpc-door.ts";
import { republish, shuffled } from "./republish.ts";
import { Shopper } from "./shopper.ts";

const SERVICES = ["catalog", "inventory", "orders", "payments", "card-gateway"];
const NOTHING = { sagas: 0, outbox: 0, deliveries: 0 };
const SETTLE_MS = 60_000;

let services: ServicesUnderTest;

beforeAll(async () => {
  services = await startServices({ services: SERVICES });
  const shopper = new Shopper(grpcDoor(services, await services.auth.tokenFor()));
  const soldOut = DEMO_PRODUCTS.at(-1);
  assert.ok(soldOut, "there are demo products");
  const wishes = [
    { items: [{ productId: soldOut.id, quantity: soldOut.stock }], paymentToken: "tok_ok" },
    ...["tok_ok", "tok_declined", "tok_flaky", "tok_ok", "tok_insufficient_funds", "tok_ok"].map((paymentToken) => ({
      items: [{ productId: DEMO_SHELF.plenty, quantity: 2 }],
      paymentToken,
    })),
  ];
  const ids = await Promise.all(wishes.map((wish) => shopper.place(wish)));
  const orders = await Promise.all(ids.map((id) => shopper.reaches(id, ["CONFIRMED", "CANCELLED"], 60)));
  assert.equal(orders[0]?.state, "CONFIRMED", "the last of a product is sold, so its events say yes, then no");
  const token = await services.auth.tokenFor({ roles: ["merchant"] });
  const inventory = services.client("inventory", InventoryServiceService, { token });
  for (const delta of [-1n, -1n, 5n]) {
    await inventory.adjustStock({ productId: DEMO_SHELF.plenty, delta, reason: "counted", requestId: randomUUIDv7() });
  }
  assert.deepEqual(await settle(services.shop, SETTLE_MS), NOTHING);
});
afterAll(() => services?.stop());

/** Every row that a consumer could have changed, in all databases. */
async function everything(): Promise<string> {
  const databases = services.shop.services.filter(({ postgres }) => postgres).map(({ name }) => name);
  const contents = await Promise.all(
    databases.map((name) =>
      inDatabase(services.shop, name, async (pool) => {
        const tables = await pool.query<{ name: string }>(
          `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
           WHERE schemaname IN ('public', 'runtime') AND tablename NOT IN ('_prisma_migrations', 'workers') ORDER BY 1`,
        );
        return Promise.all(
          tables.rows.map(async (table) => {
            const { rows } = await pool.query(`SELECT to_jsonb(t)::text AS row FROM ${table.name} AS t ORDER BY 1`);
            return [`${name}: ${table.name}`, ...rows.map(({ row }) => row)].join("\n");
          }),
        );
      }),
    ),
  );
  return contents.flat().join("\n");
}

test("every event three times and in disorder changes nothing", async () => {
  const before = await everything();
  const { stored } = await readStreams(services.shop);
  const random = new SeededRandom(1);
  await republish(services.shop, shuffled(stored, 3, random));
  assert.deepEqual(await settle(services.shop, SETTLE_MS), NOTHING);
  const { stored: now } = await readStreams(services.shop);
  assert.equal(now.length, 4 * stored.length, "the streams took all of them");
  assert.equal(await everything(), before);
});

test("who has seen nothing yet, and gets every event three times and in disorder, ends up the same", async () => {
  const { stored } = await readStreams(services.shop);
  const events = [...new Map(stored.map((message) => [message.id, message])).values()];
  await inDatabase(services.shop, "catalog", (pool) =>
    pool.query("TRUNCATE runtime.inbox, runtime.applied, availability"),
  );
  // The seed makes the oldest event of a product come after its newest, which would show it available again.
  await republish(services.shop, shuffled(events, 3, new SeededRandom(2)));
  assert.deepEqual(await settle(services.shop, SETTLE_MS), NOTHING);
  assert.equal(describe(violationsIn(await readEvidence(services.shop))), "");
});
