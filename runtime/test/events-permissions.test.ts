import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { afterAll, beforeAll, test } from "vitest";
import { registry } from "../src/contract.ts";
import { countDeadLetters } from "../src/events/dead-letters.ts";
import { toHeaders } from "../src/events/headers.ts";
import { connectNats, type Nats } from "../src/events/nats.ts";
import { eventsIn, natsPermissions, streamConfigs } from "../src/events/stream-names.ts";
import { subscribe } from "../src/events/subscribe.ts";
import { eventually, log, provision, startNats } from "./harness.ts";

const users = [
  { service: "inventory", consumes: [] },
  { service: "catalog", consumes: [StockLevelChanged.$type] },
  { service: "payments", consumes: [] },
];
const authorization = `authorization { users: [
  { user: row, password: test },
  ${users.map((user) => `{ user: ${user.service}, password: test, permissions: ${JSON.stringify(natsPermissions(user))} }`).join(",\n")}
] }`;

let server: Awaited<ReturnType<typeof startNats>>;
let row: Nats;
const connections: Nats[] = [];

async function connectAs(user: string) {
  const nats = await connectNats({ url: server.url, user, password: "test", log });
  connections.push(nats);
  return nats;
}

beforeAll(async () => {
  server = await startNats(authorization);
  row = await connectAs("row");
  await provision(row, "catalog", [StockLevelChanged.$type]);
});

afterAll(async () => {
  await Promise.all(connections.map((nats) => nats.close()));
  await server.remove();
});

const headersOf = (productId: string) =>
  toHeaders({
    id: randomUUID(),
    type: StockLevelChanged.$type,
    time: new Date(),
    aggregateId: productId,
    sequence: 1n,
    correlationId: "c",
    traceparent: "",
    producer: "inventory/v1/i",
  });

const level = (productId: string) => StockLevelChanged.encode({ productId, onHand: 1n }).finish();

test("the contracts' events have a stream for each domain that publishes", () => {
  const names = eventsIn(registry).map((event) => event.name);
  assert.ok(names.includes("shop.orders.v1.OrderPlaced") && names.includes("shop.inventory.v1.StockLevelChanged"));
  const inventory = streamConfigs(registry).find((config) => config.name === "INVENTORY");
  assert.deepEqual(inventory?.subjects, ["shop.inventory.v1.>"]);
});

test("a service's own user suffices to publish, to consume and to put aside", async () => {
  const [inventory, catalog] = await Promise.all([connectAs("inventory"), connectAs("catalog")]);
  let handled = 0;
  const handler = async (_: StockLevelChanged, { aggregateId }: { aggregateId: string }) => {
    handled++;
    if (aggregateId === "bad") throw new Error("bad");
  };
  const subscription = subscribe({
    nats: catalog,
    service: "catalog",
    event: StockLevelChanged,
    log,
    tries: 2,
    retryDelayMs: 10,
    handler,
  });
  for (const product of ["good", "bad"]) {
    await inventory.js.publish(StockLevelChanged.$type, level(product), { headers: headersOf(product) });
  }
  await eventually("it is put aside", async () => (await countDeadLetters(row)) === 1);
  assert.equal(handled, 3);
  await subscription.stop();
});

test("a service can neither publish another's events nor read another's consumer", async () => {
  const payments = await connectAs("payments");
  await assert.rejects(
    payments.js.publish(StockLevelChanged.$type, level("forged"), { headers: headersOf("forged"), timeout: 500 }),
  );
  await assert.rejects(payments.js.consumers.get("INVENTORY", "catalog_shop_inventory_v1_StockLevelChanged"));
});

test("a wrong password is said at once", async () => {
  const startedAt = performance.now();
  await assert.rejects(
    connectNats({ url: server.url, user: "orders", password: "wrong", log }),
    new RegExp(`^Error: Cannot use NATS at ${server.url}: it refuses user "orders"$`),
  );
  assert.ok(performance.now() - startedAt < 2000);
});
