import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUIDv7 } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { status } from "@grpc/grpc-js";
import { ProductPriceChanged } from "@row/gen/grpc/shop/catalog/v1/catalog_events.ts";
import { toMoney } from "@row/runtime/money.ts";
import { PageTokens } from "@row/runtime/page-token.ts";
import type { RpcError } from "@row/runtime/rpc/status.ts";
import { EventStreams } from "@row/tests/harness/events.ts";
import { afterAll, beforeAll, test } from "vitest";
import { answerOf, type CatalogUnderTest, newProductRequest, startCatalog } from "./catalog-under-test.ts";

const run = promisify(execFile);

let catalog: CatalogUnderTest;
beforeAll(async () => {
  catalog = await startCatalog();
});
afterAll(() => catalog?.services.stop());

const refusal = (code: status, reason: string) => (error: RpcError) => {
  assert.deepEqual([error.code, error.reason], [code, reason], error.message);
  return true;
};

const GUJI = "01a19467-e800-7000-8000-000000000001";

test("the demo data is some fifty products in several categories", async () => {
  const { visitor } = catalog;
  const { products } = await visitor.listProducts({ pageSize: 100, pageToken: "", categoryId: "" });
  assert.equal(products.length, 50);
  const { categories } = await visitor.listCategories({});
  assert.ok(categories.length >= 6);
  assert.deepEqual(
    categories.map(({ name }) => name),
    categories.map(({ name }) => name).sort(),
  );
});

test("seeding again changes nothing", async () => {
  const { services, db } = catalog;
  const all = async () => (await db.query("SELECT id, sku, name, version, update_time FROM products ORDER BY id")).rows;
  const before = await all();
  const seed = fileURLToPath(new URL("../prisma/seed.ts", import.meta.url));
  await run(process.execPath, [seed], { env: services.shop.infrastructure.environmentOf("catalog") });
  assert.deepEqual(await all(), before);
});

test("gets a product by its id, however the id is written", async () => {
  const { visitor } = catalog;
  const { product } = await visitor.getProduct({ id: GUJI });
  assert.partialDeepStrictEqual(product, {
    id: GUJI,
    sku: "COF-ETH-250",
    name: "Ethiopia Guji, 250 g",
    categoryId: "coffee",
    price: { currencyCode: "EUR", units: 12n, nanos: 900_000_000 },
    version: 1n,
  });
  assert.ok(Math.abs(Date.now() - Number(product?.createTime)) < 120_000);
  assert.deepEqual((await visitor.getProduct({ id: GUJI.toUpperCase() })).product, product);
});

test("says that there is no such product", async () => {
  await assert.rejects(
    catalog.visitor.getProduct({ id: randomUUIDv7() }),
    refusal(status.NOT_FOUND, "PRODUCT_NOT_FOUND"),
  );
});

test("answers many at once each with their own product", async () => {
  const { visitor } = catalog;
  const ids = Array.from({ length: 300 }, (_, index) =>
    index % 7 === 0 ? randomUUIDv7() : `${GUJI.slice(0, -2)}${((index % 50) + 1).toString(16).padStart(2, "0")}`,
  );
  // A slow machine may answer the last of them too late.
  const idOrReason = async (id: string): Promise<string | undefined> => {
    try {
      return (await visitor.getProduct({ id })).product?.id;
    } catch (error) {
      const { code, reason } = error as RpcError;
      return code === status.DEADLINE_EXCEEDED ? idOrReason(id) : reason;
    }
  };
  const answers = await Promise.all(ids.map(idOrReason));
  assert.deepEqual(
    answers,
    ids.map((id, index) => (index % 7 === 0 ? "PRODUCT_NOT_FOUND" : id)),
  );
});

test("an answer is never older than its call", async () => {
  const { visitor, merchant, product } = catalog;
  const { id } = await product();
  const readers = new AbortController();
  const background = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (!readers.signal.aborted) await visitor.getProduct({ id });
    }),
  );
  for (let minor = 1n; minor <= 30n; minor++) {
    await merchant.changePrice({ id, price: toMoney(minor), requestId: randomUUIDv7() });
    assert.deepEqual((await visitor.getProduct({ id })).product?.price, toMoney(minor));
  }
  readers.abort();
  await background;
});

test("gets several in the order asked for and leaves out what there is not", async () => {
  const { orders } = catalog;
  const second = GUJI.replace(/1$/, "2");
  const { products } = await orders.batchGetProducts({ ids: [second, randomUUIDv7(), GUJI.toUpperCase()] });
  assert.deepEqual(
    products.map(({ id }) => id),
    [second, GUJI],
  );
});

test("pages through the list by name, each product once", async () => {
  const { visitor, product } = catalog;
  // Three of one name: the id decides their order.
  for (let i = 0; i < 3; i++) await product({ name: "Kettle", categoryId: "garden" });
  const seen: { name: string; id: string }[] = [];
  let pageToken = "";
  do {
    const page = await visitor.listProducts({ pageSize: 7, pageToken, categoryId: "" });
    assert.ok(page.products.length > 0 && page.products.length <= 7);
    seen.push(...page.products);
    pageToken = page.nextPageToken;
  } while (pageToken);
  const { rows } = await catalog.db.query("SELECT id::text FROM products ORDER BY name, id");
  assert.deepEqual(
    seen.map(({ id }) => id),
    rows.map(({ id }) => id),
  );
});

test("lists one category, and none of an unknown one", async () => {
  const { visitor } = catalog;
  const tea = await visitor.listProducts({ pageSize: 0, pageToken: "", categoryId: "tea" });
  assert.ok(tea.products.length >= 6 && tea.products.every(({ categoryId }) => categoryId === "tea"));
  assert.equal(tea.nextPageToken, "");
  const none = await visitor.listProducts({ pageSize: 0, pageToken: "", categoryId: "submarines" });
  assert.deepEqual(none, { products: [], nextPageToken: "" });
});

test("finds products by words, the best match first, page by page", async () => {
  const { visitor, product } = catalog;
  const inName = await product({ name: "Zeppelin Model", description: "Of balsa wood." });
  const inText = await product({ name: "Balsa Kit", description: "Builds a zeppelin, or zeppelins." });
  const others = await Promise.all([1, 2, 3].map(() => product({ name: "Kit", description: "A small zeppelin." })));
  const found: string[] = [];
  let pageToken = "";
  do {
    const page = await visitor.searchProducts({ query: " zeppelins ", pageSize: 2, pageToken });
    found.push(...page.products.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken);
  assert.equal(found[0], inName.id);
  assert.deepEqual(new Set(found), new Set([inName, inText, ...others].map(({ id }) => id)));
  assert.equal(found.length, 5);
  const without = await visitor.searchProducts({ query: '"small zeppelin" -kit', pageSize: 0, pageToken: "" });
  assert.deepEqual(without.products, []);
  const minuses = ["-", "- ", "-!", '-"', "or -"].map((words) => words.repeat(50));
  for (const query of ["the", "&|!():*<->", "'; DROP TABLE products --", ...minuses]) {
    await visitor.searchProducts({ query, pageSize: 0, pageToken: "" });
  }
});

test("refuses page tokens of another list", async () => {
  const { visitor } = catalog;
  const all = await visitor.listProducts({ pageSize: 1, pageToken: "", categoryId: "" });
  const found = await visitor.searchProducts({ query: "coffee", pageSize: 1, pageToken: "" });
  const wrong = [
    visitor.listProducts({ pageSize: 1, pageToken: found.nextPageToken, categoryId: "" }),
    visitor.listProducts({ pageSize: 1, pageToken: all.nextPageToken, categoryId: "tea" }),
    visitor.searchProducts({ query: "tea", pageSize: 1, pageToken: found.nextPageToken }),
    visitor.listProducts({ pageSize: 1, pageToken: "nonsense", categoryId: "" }),
    visitor.listProducts({ pageSize: -1, pageToken: "", categoryId: "" }),
    visitor.searchProducts({ query: "", pageSize: 0, pageToken: "" }),
    visitor.searchProducts({ query: "   ", pageSize: 0, pageToken: "" }),
  ];
  const isRefused = refusal(status.INVALID_ARGUMENT, "INVALID_REQUEST");
  await Promise.all(wrong.map((call) => assert.rejects(call, isRefused)));
});

test("refuses page tokens that somebody made up, whatever they hold", async () => {
  const { visitor } = catalog;
  const search = (...key: string[]) =>
    visitor.searchProducts({
      query: "coffee",
      pageSize: 1,
      pageToken: new PageTokens("product search", "coffee").encode(key),
    });
  const list = (...key: string[]) =>
    visitor.listProducts({ pageSize: 1, pageToken: new PageTokens("products", "").encode(key), categoryId: "" });
  await search("0.5", GUJI);
  await list("Enamel Mug", GUJI);
  const wrong = [
    ...["1e39", "1e-99", "9".repeat(400), "NaN", "-1", ""].map((rank) => search(rank, GUJI)),
    ...["42", GUJI.toUpperCase(), `${GUJI}'`, ""].flatMap((id) => [search("0.5", id), list("Enamel Mug", id)]),
    ...["\0", "\ud800", "\udc00\ud800"].map((name) => list(name, GUJI)),
    ...[list(GUJI), list(), search("0.5", GUJI, "")],
  ];
  assert.deepEqual(new Set(await Promise.all(wrong.map(answerOf))), new Set(["INVALID_REQUEST"]));
});

test("creates a product: told, audited, and once per request_id", async () => {
  const { merchant, merchantId, visitor, events, audit } = catalog;
  const request = newProductRequest({ name: "Paper Lamp", description: "Folds flat." });
  const first = await merchant.createProduct(request);
  const id = first.product?.id ?? "";
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.deepEqual(await merchant.createProduct(request), first);
  assert.deepEqual((await visitor.getProduct({ id })).product, first.product);
  const price = { currencyCode: "EUR", units: "19", nanos: 990_000_000 };
  const payload = { productId: id, sku: request.sku, name: "Paper Lamp", categoryId: "kitchen", price };
  assert.deepEqual(await events(id), [{ type: "ProductCreated", sequence: 1, payload }]);
  const [act] = await audit(id);
  assert.deepEqual([act?.actor, act?.action, act?.details.sku], [`user:${merchantId}`, "product.created", request.sku]);
  await assert.rejects(
    merchant.createProduct({ ...request, name: "Other" }),
    refusal(status.INVALID_ARGUMENT, "REQUEST_ID_REUSED"),
  );
});

test("one request_id sent many times at once creates one product", async () => {
  const { merchant, db } = catalog;
  const request = newProductRequest();
  const answers = await Promise.all(Array.from({ length: 20 }, () => merchant.createProduct(request)));
  assert.equal(new Set(answers.map(({ product }) => product?.id)).size, 1);
  const { rows } = await db.query("SELECT count(*)::int AS products FROM products WHERE sku = $1", [request.sku]);
  assert.equal(rows[0].products, 1);
});

test("refuses a SKU that is taken and a category there is not, and leaves no trace", async () => {
  const { merchant, db } = catalog;
  const traces = async () =>
    (
      await db.query(`SELECT (SELECT count(*) FROM products) AS products, (SELECT count(*) FROM runtime.outbox) AS events,
      (SELECT count(*) FROM runtime.audit) AS acts, (SELECT count(*) FROM runtime.requests) AS requests`)
    ).rows;
  const before = await traces();
  await assert.rejects(
    merchant.createProduct(newProductRequest({ sku: "COF-ETH-250" })),
    refusal(status.ALREADY_EXISTS, "SKU_TAKEN"),
  );
  await assert.rejects(
    merchant.createProduct(newProductRequest({ categoryId: "submarines" })),
    refusal(status.FAILED_PRECONDITION, "CATEGORY_NOT_FOUND"),
  );
  assert.deepEqual(await traces(), before);
});

test("updates what the mask names: told and audited, and nothing when it is so already", async () => {
  const { merchant, product, events, audit, visitor } = catalog;
  const lamp = await product({ description: "Old." });
  const update = {
    id: lamp.id,
    name: "Desk Lamp",
    description: "",
    categoryId: "",
    updateMask: ["name", "description"],
  };
  const { product: updated } = await merchant.updateProduct(update);
  assert.partialDeepStrictEqual(updated, { name: "Desk Lamp", description: "", categoryId: "kitchen", version: 2n });
  assert.deepEqual((await merchant.updateProduct(update)).product, updated);
  assert.deepEqual((await visitor.getProduct({ id: lamp.id })).product, updated);
  assert.deepEqual((await events(lamp.id)).slice(1), [
    { type: "ProductUpdated", sequence: 2, payload: { productId: lamp.id, name: "Desk Lamp", categoryId: "kitchen" } },
  ]);
  assert.deepEqual((await audit(lamp.id))[1]?.details, {
    before: { name: "Test Lamp", description: "Old.", categoryId: "kitchen", priceMinor: 1999 },
    after: { name: "Desk Lamp", description: "", categoryId: "kitchen", priceMinor: 1999 },
  });
  // The search follows.
  const found = await visitor.searchProducts({ query: "desk lamp", pageSize: 0, pageToken: "" });
  assert.ok(found.products.some(({ id }) => id === lamp.id));
});

test("refuses updates of what cannot be, with the field by name", async () => {
  const { merchant, product } = catalog;
  const { id } = await product();
  const update = { id, name: "", description: "", categoryId: "", updateMask: undefined };
  await assert.rejects(
    merchant.updateProduct({ ...update, updateMask: ["price"] }),
    refusal(status.INVALID_ARGUMENT, "INVALID_REQUEST"),
  );
  await assert.rejects(
    merchant.updateProduct({ ...update, categoryId: "submarines" }),
    refusal(status.FAILED_PRECONDITION, "CATEGORY_NOT_FOUND"),
  );
  await assert.rejects(
    merchant.updateProduct({ ...update, id: randomUUIDv7(), name: "x" }),
    refusal(status.NOT_FOUND, "PRODUCT_NOT_FOUND"),
  );
});

test("refuses a mask that names something endless without repeating it", async () => {
  const { merchant, product } = catalog;
  const { id } = await product();
  const update = { id, name: "", description: "", categoryId: "" };
  for (const path of ["x".repeat(200_000), "\u{1f40e}".repeat(50_000), "name\n"]) {
    await assert.rejects(merchant.updateProduct({ ...update, updateMask: [path] }), (error: RpcError) => {
      assert.deepEqual([error.code, error.reason], [status.INVALID_ARGUMENT, "INVALID_REQUEST"], error.message);
      assert.ok(error.message.length < 300);
      return true;
    });
  }
  const updateMask = Array.from({ length: 20_000 }, () => "name");
  assert.equal(await answerOf(merchant.updateProduct({ ...update, name: "Lamp", updateMask })), "OK");
});

test("changes a price once per request_id, so that a late repeat does not change a later price back", async () => {
  const { services, merchant, product, events, audit, visitor } = catalog;
  const { id } = await product();
  const first = { id, price: toMoney(1999n), requestId: randomUUIDv7() };
  // The price is that already; the request counts all the same.
  const answer = await merchant.changePrice(first);
  assert.equal(answer.product?.version, 1n);
  await merchant.changePrice({ id, price: toMoney(2550n), requestId: randomUUIDv7() });
  assert.deepEqual(await merchant.changePrice(first), answer);
  assert.partialDeepStrictEqual((await visitor.getProduct({ id })).product, { price: toMoney(2550n), version: 2n });
  assert.deepEqual(
    (await events(id)).map(({ type, sequence }) => `${type} ${sequence}`),
    ["ProductCreated 1", "ProductPriceChanged 2"],
  );
  assert.equal((await audit(id)).at(-1)?.action, "product.price-changed");
  const streams = await EventStreams.connect(services);
  try {
    const told = await streams.one(ProductPriceChanged, (event) => event.aggregateId === id);
    assert.deepEqual(told.message, { productId: id, oldPrice: toMoney(1999n), newPrice: toMoney(2550n) });
  } finally {
    await streams.close();
  }
});

test("changes sent at once all count, one after the other", async () => {
  const { merchant, product, events, visitor } = catalog;
  const { id } = await product();
  const answers = await Promise.all([
    ...[1n, 2n, 3n].map((minor) =>
      answerOf(merchant.changePrice({ id, price: toMoney(minor), requestId: randomUUIDv7() })),
    ),
    answerOf(merchant.updateProduct({ id, name: "A", description: "", categoryId: "", updateMask: undefined })),
  ]);
  assert.deepEqual(answers, ["OK", "OK", "OK", "OK"]);
  assert.equal((await visitor.getProduct({ id })).product?.version, 5n);
  assert.deepEqual(
    (await events(id)).map(({ sequence }) => sequence),
    [1, 2, 3, 4, 5],
  );
});

test("refuses prices that are none, and other wrong input, by name and never as a fault of its own", async () => {
  const { merchant, visitor, orders } = catalog;
  const price = (given: Partial<{ currencyCode: string; units: bigint; nanos: number }>) =>
    newProductRequest({ price: { currencyCode: "EUR", units: 1n, nanos: 0, ...given } });
  const wrong = [
    merchant.createProduct(newProductRequest({ price: undefined })),
    merchant.createProduct(price({ currencyCode: "USD" })),
    merchant.createProduct(price({ units: 0n })),
    merchant.createProduct(price({ units: -1n })),
    merchant.createProduct(price({ nanos: 1 })),
    merchant.createProduct(price({ units: 2n ** 62n })),
    merchant.createProduct(newProductRequest({ sku: "lower case" })),
    merchant.createProduct(newProductRequest({ name: "" })),
    merchant.createProduct(newProductRequest({ name: "  " })),
    merchant.createProduct(newProductRequest({ name: "nul \0" })),
    merchant.createProduct(newProductRequest({ description: "x".repeat(4_001) })),
    merchant.createProduct(newProductRequest({ requestId: "again" })),
    visitor.getProduct({ id: "" }),
    visitor.getProduct({ id: "42" }),
    visitor.searchProducts({ query: "nul \0", pageSize: 0, pageToken: "" }),
    visitor.listProducts({ pageSize: 0, pageToken: "", categoryId: "\0" }),
    orders.batchGetProducts({ ids: [] }),
    orders.batchGetProducts({ ids: [GUJI, "42"] }),
    orders.batchGetProducts({ ids: Array.from({ length: 101 }, () => GUJI) }),
  ];
  const isInvalid = (error: RpcError) => error.code === status.INVALID_ARGUMENT || assert.fail(error.message);
  await Promise.all(wrong.map((call) => assert.rejects(call, isInvalid)));
});

test("lets merchants and admins change the catalog, and services alone read in batches", async () => {
  const { services, as, visitor } = catalog;
  const customer = as({ service: "edge", token: await services.auth.tokenFor({ roles: ["customer"] }) });
  const admin = as({ service: "edge", token: await services.auth.tokenFor({ roles: ["admin"] }) });
  const request = newProductRequest();
  const update = { id: GUJI, name: "", description: "", categoryId: "", updateMask: undefined };
  const change = { id: GUJI, price: toMoney(1n), requestId: randomUUIDv7() };
  assert.equal(await answerOf(visitor.createProduct(request)), "TOKEN_MISSING");
  const byCustomer = [customer.createProduct(request), customer.updateProduct(update), customer.changePrice(change)];
  assert.deepEqual(
    await Promise.all(byCustomer.map(answerOf)),
    byCustomer.map(() => "ROLE_MISSING"),
  );
  assert.equal(await answerOf(admin.createProduct(request)), "OK");
  assert.equal(await answerOf(visitor.batchGetProducts({ ids: [GUJI] })), "CALLER_NOT_ALLOWED");
  assert.equal(await answerOf(as({ service: "payments" }).getProduct({ id: GUJI })), "CALLER_NOT_ALLOWED");
});
