import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ProductCreated } from "@row/gen/grpc/shop/catalog/v1/catalog_events.ts";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { runInBackground } from "@row/runtime/call.ts";
import { durableOf, streamOf } from "@row/runtime/events/stream-names.ts";
import { EventStreams } from "@row/tests/harness/events.ts";
import fc from "fast-check";
import { afterAll, beforeAll, test, vi } from "vitest";
import { newProduct } from "../src/product.ts";
import { insertProduct } from "../src/product-store.ts";
import { type CatalogUnderTest, newProductRequest, startCatalog } from "./catalog-under-test.ts";

let catalog: CatalogUnderTest;
let streams: EventStreams;
beforeAll(async () => {
  catalog = await startCatalog();
  streams = await EventStreams.connect(catalog.services);
});
afterAll(async () => {
  await streams?.close();
  await catalog?.services.stop();
});

const publish = (productId: string, sequence: number, onHand: number, id?: ReturnType<typeof randomUUIDv7>) =>
  streams.publish(StockLevelChanged, productId, BigInt(sequence), { productId, onHand: BigInt(onHand) }, id);

const isAvailable = async (id: string) => (await catalog.visitor.getProduct({ id })).product?.available;

/** Waits until catalog has taken in everything published so far: its own mark, sent after it. */
async function settled(): Promise<void> {
  const mark = randomUUIDv7();
  await publish(mark, 1, 1);
  for (let i = 0; i < 200; i++) {
    const { rowCount } = await catalog.db.query("SELECT FROM availability WHERE product_id = $1", [mark]);
    if (rowCount) return;
    await sleep(25);
  }
  throw new Error("Waited 5 s in vain for an event to be handled");
}

test("a product is available while some are on hand", async () => {
  const { id } = await catalog.product();
  assert.equal(await isAvailable(id), false);
  await publish(id, 1, 5);
  await settled();
  assert.equal(await isAvailable(id), true);
  const { products } = await catalog.visitor.listProducts({ pageSize: 100, pageToken: "", categoryId: "kitchen" });
  assert.equal(products.find((product) => product.id === id)?.available, true);
  const found = await catalog.visitor.searchProducts({ query: "lamp", pageSize: 100, pageToken: "" });
  assert.equal(found.products.find((product) => product.id === id)?.available, true);
  await publish(id, 2, 0);
  await settled();
  assert.equal(await isAvailable(id), false);
  assert.equal((await catalog.visitor.getProduct({ id })).product?.version, 1n);
});

test("what inventory says of a product before the catalog knows it is not lost", async () => {
  const id = randomUUIDv7();
  await publish(id, 1, 3);
  await settled();
  // Ids are given by the service, so the product is added as the seed does it.
  const { name, description, categoryId, sku } = newProductRequest();
  const product = newProduct(id, { sku, name, description, categoryId, priceMinor: 100n }, new Date());
  await runInBackground({ producer: "catalog/v1/test" }, () => insertProduct(catalog.db, product));
  assert.equal(await isAvailable(id), true);
});

test("events three times and in any order end with the newest", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2, maxLength: 6 }).chain((levels) =>
        fc.record({
          levels: fc.constant(levels),
          order: fc.shuffledSubarray(
            levels.flatMap((_, index) => [index, index, index]),
            { minLength: levels.length * 3, maxLength: levels.length * 3 },
          ),
        }),
      ),
      async ({ levels, order }) => {
        const id = randomUUIDv7();
        const eventIds = levels.map(() => randomUUIDv7());
        for (const index of order) await publish(id, index + 1, levels[index] ?? 0, eventIds[index]);
        await settled();
        const { rows } = await catalog.db.query("SELECT available FROM availability WHERE product_id = $1", [id]);
        assert.deepEqual(rows, [{ available: (levels.at(-1) ?? 0) > 0 }]);
      },
    ),
    { numRuns: 25 },
  );
});

test("takes in what happened while it was away", async () => {
  const { shop } = catalog.services;
  const { id } = await catalog.product();
  await shop.halt("catalog");
  await publish(id, 1, 9);
  await shop.resume("catalog");
  await settled();
  assert.equal((await catalog.as({}).getProduct({ id })).product?.available, true);
});

/** Waits until something holds. */
const eventually = (what: string, holds: () => Promise<boolean>) =>
  vi.waitUntil(holds, { timeout: 15_000, interval: 50 }).catch(() => assert.fail(`Waited 15 s in vain: ${what}`));

const INVENTORY = streamOf(StockLevelChanged.$type);

test("a durable consumer that somebody deletes is made again, and what was published meanwhile is taken in", async () => {
  const { id } = await catalog.product();
  await publish(id, 1, 5);
  await settled();
  assert.equal(await isAvailable(id), true);
  const { consumers } = await streams.manager();
  await consumers.delete(INVENTORY, durableOf("catalog", StockLevelChanged.$type));
  await publish(id, 2, 0);
  await eventually("the product is not available any more", async () => !(await isAvailable(id)));
});

test("while a stream cannot be made again the status says which, and afterwards it holds what the outbox still has", async () => {
  const { shop } = catalog.services;
  const { id } = await catalog.product();
  const created = () => streams.one(ProductCreated, ({ aggregateId }) => aggregateId === id);
  const { id: eventId } = await created();
  const manager = await streams.manager();
  const own = streamOf(ProductCreated.$type);
  await manager.streams.delete(own);
  // One that takes the same subjects, so that NATS refuses to make the right one.
  await manager.streams.add({ name: "IN_ITS_PLACE", subjects: ["shop.catalog.>"] });
  await eventually("the status names it", async () => {
    const { state, problems } = await shop.status();
    return state === "degraded" && problems.includes(`the stream ${own} is missing`);
  });
  await manager.streams.delete("IN_ITS_PLACE");
  await eventually("all is well", async () => (await shop.status()).state === "ready");
  assert.equal((await created()).id, eventId);
});

test("a consumer with other settings than the service counts on gets those again", async () => {
  const { consumers } = await streams.manager();
  const durable = durableOf("catalog", StockLevelChanged.$type);
  await consumers.update(INVENTORY, durable, { max_ack_pending: 1 });
  await eventually("it is as it was", async () => {
    const { config } = await consumers.info(INVENTORY, durable);
    return config.max_ack_pending === 256;
  });
});

test("nothing became a dead letter", async () => {
  const { backlogs } = await catalog.services.shop.status();
  assert.equal(backlogs?.deadLetters, 0);
});
