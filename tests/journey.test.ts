import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUIDv7 } from "node:crypto";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, test } from "vitest";
import { adjustStock, chargedFor, newProduct, place, reaches, stockOf } from "./harness/ordering.ts";
import { errorInfo, expectOk, fieldViolations } from "./harness/rest.ts";
import { type Session, type TheShop, theShop } from "./harness/the-shop.ts";

let shop: TheShop;
let customer: Session;

beforeAll(async () => {
  shop = await theShop();
  customer = await shop.customer();
});

async function ledger(): Promise<{ entries: number; sum: string }> {
  const { rows } = await shop
    .database("payments")
    .query("SELECT count(*)::int AS entries, coalesce(sum(amount_minor), 0)::text AS sum FROM ledger_entries");
  return rows[0];
}

test("a new customer registers, signs in, finds products and orders; the order is confirmed within 2 s", async () => {
  const email = `New.${randomUUIDv7()}@example.com`;
  const password = "a long enough password";
  assert.deepEqual(expectOk(await shop.rest.post("/v1/auth/register", { email, password, displayName: "Nóva" })), {});
  const session = await shop.signIn(email.toLowerCase(), password);

  const { products, nextPageToken } = expectOk(await shop.rest.get("/v1/products?pageSize=20"));
  assert.equal(products.length, 20);
  assert.ok(nextPageToken);
  const available = products.find((product: { available: boolean }) => product.available);
  const stock = await stockOf(shop, available.id);

  const began = performance.now();
  const { order } = expectOk(await place(shop, session, { productId: available.id, quantity: 2 }));
  assert.equal(order.state, "STATE_PENDING");
  assert.equal(order.customerId, session.id);
  const confirmed = await reaches(shop, session, order.id, "STATE_CONFIRMED", 2_000);
  assert.ok(performance.now() - began < 2_000);
  assert.deepEqual(
    confirmed.items.map(({ productId, quantity }: { productId: string; quantity: number }) => [productId, quantity]),
    [[available.id, 2]],
  );
  assert.deepEqual(await stockOf(shop, available.id), { ...stock, onHand: stock.onHand - 2, sold: stock.sold + 2 });
  const { units = "0", nanos = 0 } = confirmed.total;
  assert.equal(await chargedFor(shop, order.id), Number(units) * 100 + nanos / 10_000_000);
  const { payment } = expectOk(
    await shop.rest.get(`/v1/payments/${confirmed.paymentId}`, { token: session.accessToken }),
  );
  assert.deepEqual([payment.state, payment.orderId, payment.amount], ["STATE_CAPTURED", order.id, confirmed.total]);
  const { orders } = expectOk(await shop.rest.get("/v1/orders", { token: session.accessToken }));
  assert.deepEqual(
    orders.map(({ id }: { id: string }) => id),
    [order.id],
  );
});

for (const [token, reason] of [
  ["tok_declined", "CARD_DECLINED"],
  ["tok_insufficient_funds", "INSUFFICIENT_FUNDS"],
  ["tok_nobody_knows", "PAYMENT_TOKEN_INVALID"],
]) {
  test(`an order with ${token} ends cancelled as ${reason}, with stock and ledger as before and nothing charged`, async () => {
    const product = await newProduct(shop);
    const [stock, books] = [await stockOf(shop, product.id), await ledger()];
    const { order } = expectOk(
      await place(shop, customer, { productId: product.id, quantity: 3, paymentToken: token }),
    );
    const cancelled = await reaches(shop, customer, order.id, "STATE_CANCELLED");
    assert.equal(cancelled.cancelReason, reason);
    assert.deepEqual(await stockOf(shop, product.id), stock);
    assert.deepEqual(await ledger(), books);
    assert.equal(await chargedFor(shop, order.id), 0);
    const log = (await shop.gatewayLog()).filter(({ reference }) => reference === order.id);
    assert.ok(log.length > 0);
    assert.ok(log.every(({ action }) => action !== "capture"));
  });
}

test("cards that answer late or fail twice are charged once all the same", async () => {
  const product = await newProduct(shop);
  const orders = await Promise.all(
    ["tok_flaky", "tok_timeout"].map(async (paymentToken) => {
      const { order } = expectOk(await place(shop, customer, { productId: product.id, paymentToken }));
      return order;
    }),
  );
  for (const { id } of orders) {
    await reaches(shop, customer, id, "STATE_CONFIRMED", 15_000);
    assert.equal(await chargedFor(shop, id), 500);
  }
  assert.deepEqual(await stockOf(shop, product.id), { onHand: 8, reserved: 0, sold: 2 });
});

test("the same Idempotency-Key twice gives the same order; another body under it is refused", async () => {
  const product = await newProduct(shop);
  const key = `order ${randomUUIDv7()}`;
  const wish = { productId: product.id, quantity: 2 };
  const [first, second] = await Promise.all([
    place(shop, customer, wish, { key }).then(expectOk),
    place(shop, customer, wish, { key }).then(expectOk),
  ]);
  assert.equal(first.order.id, second.order.id);
  await reaches(shop, customer, first.order.id, "STATE_CONFIRMED");
  const later = expectOk(await place(shop, customer, wish, { key }));
  assert.deepEqual(later, first, "a repeat gets the first answer");

  const other = await place(shop, customer, { ...wish, quantity: 3 }, { key });
  assert.equal(other.status, 400);
  assert.equal(errorInfo(other)?.reason, "REQUEST_ID_REUSED");
  assert.match(other.body.message, /used for a different request; use a new one/);
  assert.deepEqual(
    fieldViolations(other).map(({ field }) => field),
    ["requestId"],
  );

  const stranger = await shop.customer();
  const theirs = expectOk(await place(shop, stranger, wish, { key }));
  assert.notEqual(theirs.order.id, first.order.id, "a key belongs to one user");
  await reaches(shop, stranger, theirs.order.id, "STATE_CONFIRMED");
  assert.deepEqual(await stockOf(shop, product.id), { onHand: 6, reserved: 0, sold: 4 });
});

test("an order for more than there is ends cancelled, and nothing was asked of the card", async () => {
  const product = await newProduct(shop, { stock: 2 });
  const { order } = expectOk(await place(shop, customer, { productId: product.id, quantity: 3 }));
  const cancelled = await reaches(shop, customer, order.id, "STATE_CANCELLED");
  assert.equal(cancelled.cancelReason, "OUT_OF_STOCK");
  assert.deepEqual(await stockOf(shop, product.id), { onHand: 2, reserved: 0, sold: 0 });
  assert.equal(await chargedFor(shop, order.id), 0);
});

test("an order at an outdated total is refused with the new one, and at the right total accepted", async () => {
  const product = await newProduct(shop, { units: "7", nanos: 500_000_000 });
  const expected = (units: string, nanos = 0) => ({ currencyCode: "EUR", units, nanos });
  const orders = async () => (await shop.database("orders").query("SELECT count(*)::int AS n FROM orders")).rows[0].n;
  const before = await orders();
  const refused = await place(shop, customer, { productId: product.id, quantity: 2, expectedTotal: expected("14") });
  assert.equal(refused.status, 400);
  assert.equal(refused.body.code, 9);
  assert.equal(errorInfo(refused)?.reason, "PRICE_CHANGED");
  assert.match(JSON.stringify(errorInfo(refused)?.metadata), /15/);
  assert.equal(await orders(), before);
  const accepted = await place(shop, customer, { productId: product.id, quantity: 2, expectedTotal: expected("15") });
  await reaches(shop, customer, expectOk(accepted).order.id, "STATE_CONFIRMED");
});

test("an order that is cancelled before it is confirmed is not charged, and gives its stock back", async () => {
  const product = await newProduct(shop);
  // This card's answer comes after the caller has given up, so that the order is still pending.
  const { order } = expectOk(await place(shop, customer, { productId: product.id, paymentToken: "tok_timeout" }));
  const path = `/v1/orders/${order.id}:cancel`;
  const wished = expectOk(await shop.rest.post(path, {}, { token: customer.accessToken, key: order.id }));
  assert.ok(wished.order.cancelRequested || wished.order.state === "STATE_CANCELLED");
  const cancelled = await reaches(shop, customer, order.id, "STATE_CANCELLED", 15_000);
  assert.equal(cancelled.cancelReason, "CANCELLED_BY_CUSTOMER");
  assert.equal(await chargedFor(shop, order.id), 0);
  assert.deepEqual(await stockOf(shop, product.id), { onHand: 10, reserved: 0, sold: 0 });
  const again = await shop.rest.post(path, {}, { token: customer.accessToken });
  assert.deepEqual([again.status, errorInfo(again)?.reason], [400, "ORDER_NOT_CANCELLABLE"]);
});

test("an order that is cancelled after it was confirmed is given back: the money, the stock and the books", async () => {
  const product = await newProduct(shop);
  const { order } = expectOk(await place(shop, customer, { productId: product.id, quantity: 4 }));
  const confirmed = await reaches(shop, customer, order.id, "STATE_CONFIRMED");
  assert.equal(await chargedFor(shop, order.id), 2_000);
  expectOk(await shop.rest.post(`/v1/orders/${order.id}:cancel`, {}, { token: customer.accessToken }));
  await reaches(shop, customer, order.id, "STATE_CANCELLED");
  assert.equal(await chargedFor(shop, order.id), 0);
  assert.deepEqual(await stockOf(shop, product.id), { onHand: 10, reserved: 0, sold: 0 });
  const { payment } = expectOk(
    await shop.rest.get(`/v1/payments/${confirmed.paymentId}`, { token: customer.accessToken }),
  );
  assert.equal(payment.state, "STATE_REFUNDED");
  assert.equal((await ledger()).sum, "0");
});

test("the history tells every event and every attempt, with who did it", async () => {
  const product = await newProduct(shop);
  const { order } = expectOk(await place(shop, customer, { productId: product.id, paymentToken: "tok_declined" }));
  await reaches(shop, customer, order.id, "STATE_CANCELLED");
  const { entries } = expectOk(await shop.rest.get(`/v1/orders/${order.id}/history`, { token: customer.accessToken }));
  const events = entries.flatMap(({ event }: { event?: { type: string } }) => (event ? [event.type] : []));
  assert.deepEqual(events, ["OrderPlaced", "OrderCancelled"]);
  type Attempt = { step: string; undo?: boolean; outcome: string; servedBy: string; worker: string; saga: string };
  const attempts: Attempt[] = entries.flatMap(({ attempt }: { attempt?: Attempt }) => (attempt ? [attempt] : []));
  const [reserve, authorize] = attempts;
  assert.deepEqual([reserve?.step, reserve?.outcome], ["reserve-stock", "ok"]);
  assert.match(reserve?.servedBy ?? "", /^inventory\/v1\/inventory-v1-1/);
  assert.match(reserve?.worker ?? "", /^orders\/v1\/orders-v1-1$/);
  assert.deepEqual([authorize?.step, authorize?.outcome], ["authorize-payment", "refused"]);
  assert.ok(attempts.some(({ step, undo }) => step === "reserve-stock" && undo));
});

test("a merchant's product appears, its price and stock follow, and customers see it become available", async () => {
  const { accessToken: token } = await shop.demoUser("merchant");
  const product = await newProduct(shop, { stock: 0 });
  assert.equal(product.available ?? false, false);
  const read = async () => expectOk(await shop.rest.get(`/v1/products/${product.id}`)).product;
  await adjustStock(shop, product.id, 3);
  await eventually("available", async () => (await read()).available === true);
  const price = { currencyCode: "EUR", units: "9", nanos: 990_000_000 };
  const changed = expectOk(
    await shop.rest.post(`/v1/products/${product.id}:changePrice`, { price }, { token }),
  ).product;
  assert.deepEqual(changed.price, price);
  const renamed = await shop.rest.patch(`/v1/products/${product.id}`, { name: "Zanzibar pot" }, { token });
  assert.equal(expectOk(renamed).product.name, "Zanzibar pot");
  assert.deepEqual([(await read()).name, (await read()).price], ["Zanzibar pot", price]);
  const { products } = expectOk(await shop.rest.get("/v1/products:search?query=zanzibar"));
  assert.deepEqual(
    products.map(({ id }: { id: string }) => id),
    [product.id],
  );

  const { order } = expectOk(await place(shop, customer, { productId: product.id, quantity: 3 }));
  await reaches(shop, customer, order.id, "STATE_CONFIRMED");
  await eventually("sold out", async () => !(await read()).available);
  const tooMany = await shop.rest.post(`/v1/products/${product.id}:adjustStock`, { delta: "-1" }, { token });
  assert.deepEqual([tooMany.status, errorInfo(tooMany)?.reason], [400, "OUT_OF_STOCK"]);
});

test("an admin gives money back, once, and what admins and merchants did stands in the audit trails", async () => {
  const admin = await shop.demoUser("admin");
  const product = await newProduct(shop);
  const { order } = expectOk(await place(shop, customer, { productId: product.id }));
  const { paymentId } = await reaches(shop, customer, order.id, "STATE_CONFIRMED");
  const path = `/v1/payments/${paymentId}:refund`;
  const headers = { "x-correlation-id": `refund-${randomUUIDv7()}` };
  const first = await shop.rest.post(path, { reason: "broken" }, { token: admin.accessToken, key: "a", headers });
  assert.equal(expectOk(first).payment.state, "STATE_REFUNDED");
  const again = await shop.rest.post(path, { reason: "broken" }, { token: admin.accessToken, key: "a" });
  assert.deepEqual(again.body, first.body);
  assert.equal(await chargedFor(shop, order.id), 0);
  const other = await shop.rest.post(path, { reason: "broken" }, { token: admin.accessToken, key: "b" });
  assert.ok([200, 400].includes(other.status), "a second refund is refused, or says that it is done");
  assert.equal(await chargedFor(shop, order.id), 0);

  const trail = async (service: string, where: string, value: string) =>
    (await shop.database(service).query(`SELECT actor, action, target FROM runtime.audit WHERE ${where} = $1`, [value]))
      .rows;
  const merchant = await shop.demoUser("merchant");
  assert.equal((await trail("payments", "correlation_id", headers["x-correlation-id"]))[0]?.actor, `user:${admin.id}`);
  const ofProduct = [...(await trail("catalog", "target", `product:${product.id}`))];
  assert.equal(ofProduct[0]?.actor, `user:${merchant.id}`);
  assert.ok((await trail("inventory", "actor", `user:${merchant.id}`)).length > 0);

  const role = { role: "ROLE_MERCHANT" };
  expectOk(await shop.rest.post(`/v1/users/${customer.id}:grantRole`, role, { token: admin.accessToken }));
  const revoked = await shop.rest.post(`/v1/users/${customer.id}:revokeRole`, role, { token: admin.accessToken });
  assert.deepEqual(expectOk(revoked).roles, ["ROLE_CUSTOMER"]);
  const { auditEntries } = expectOk(
    await shop.rest.get("/v1/auth/auditEntries?pageSize=50", { token: admin.accessToken }),
  );
  const about = auditEntries.filter(({ target }: { target: string }) => target === `user:${customer.id}`);
  assert.ok(about.length >= 2, JSON.stringify(about));
  assert.ok(about.some(({ actor }: { actor: string }) => actor === `user:${admin.id}`));
  assert.ok(
    about.every((entry: { correlationId?: string; createTime?: string }) => entry.correlationId && entry.createTime),
  );
});

test("`row orders rebuild` folds every stream into the same view", async () => {
  const view = async () => (await shop.database("orders").query("SELECT * FROM orders ORDER BY id")).rows;
  const before = await view();
  assert.ok(before.length > 5);
  const { stateDir, portBase, root } = shop.installation;
  const row = resolve(import.meta.dirname, "../cli/src/main.ts");
  const env = { ...process.env, ROW_ROOT: root, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(portBase) };
  const { status, stderr } = spawnSync(process.execPath, [row, "orders", "rebuild"], { env, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.deepEqual(await view(), before);
});

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 5_000; Date.now() < end; await sleep(50)) if (await holds()) return;
  throw new Error(`Waited 5 s in vain for ${what}`);
}
