import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { answerOf, type CatalogUnderTest, newProductRequest, startCatalog } from "./catalog-under-test.ts";

let catalog: CatalogUnderTest;
beforeAll(async () => {
  catalog = await startCatalog();
});
afterAll(() => catalog?.services.stop());

test("every call says that the database is away, and works again when it is back", async () => {
  const { services, visitor, orders, merchant } = catalog;
  const id = "01a19467-e800-7000-8000-000000000001";
  const all = () =>
    Promise.all(
      [
        visitor.getProduct({ id }),
        orders.batchGetProducts({ ids: [id] }),
        visitor.listProducts({ pageSize: 1, pageToken: "", categoryId: "" }),
        visitor.searchProducts({ query: "tea", pageSize: 1, pageToken: "" }),
        visitor.listCategories({}),
        merchant.createProduct(newProductRequest()),
      ].map(answerOf),
    );
  const every = (answer: string) => Array.from({ length: 6 }, () => answer);
  assert.deepEqual(await all(), every("OK"));
  await services.shop.halt("postgres");
  assert.deepEqual(await all(), every("DATABASE_UNAVAILABLE"));
  await services.shop.resume("postgres");
  const deadline = Date.now() + 5_000;
  let answers = await all();
  while (answers.some((answer) => answer !== "OK") && Date.now() < deadline) {
    assert.ok(
      answers.every((answer) => answer === "OK" || answer === "DATABASE_UNAVAILABLE"),
      answers.join(", "),
    );
    answers = await all();
  }
  assert.deepEqual(answers, every("OK"));
});
