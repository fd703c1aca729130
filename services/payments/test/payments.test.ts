import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { Payment_State as State } from "@row/gen/grpc/shop/payments/v1/payment.ts";
import { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import { toMoney } from "@row/runtime/money.ts";
import type { PromiseClient } from "@row/runtime/rpc/client.ts";
import { RpcError } from "@row/runtime/rpc/status.ts";
import { type ServicesUnderTest, startServices } from "@row/tests/harness/service-under-test.ts";
import { afterAll, beforeAll, test } from "vitest";

let services: ServicesUnderTest;
let orders: PromiseClient<typeof PaymentServiceService>;
beforeAll(async () => {
  services = await startServices({
    services: ["payments", "card-gateway"],
    envOf: { "card-gateway": { SLOW_ANSWER_MS: "3000" }, payments: { GATEWAY_TIMEOUT_MS: "400" } },
  });
  orders = services.client("payments", PaymentServiceService, { service: "orders" });
});
afterAll(() => services?.stop());

const customerId = randomUUIDv7();
const authorize = (orderId: string, paymentToken = "tok_ok", minor = 1_234n) =>
  orders.authorizePayment({ orderId, customerId, amount: toMoney(minor), paymentToken });

const refused =
  (reason: string, code = status.FAILED_PRECONDITION) =>
  (error: unknown) => {
    assert.ok(error instanceof RpcError, String(error));
    assert.deepEqual([status[error.code], error.reason], [status[code], reason]);
    return true;
  };

async function user(id: string, roles: string[] = ["customer"]) {
  return services.client("payments", PaymentServiceService, { token: await services.auth.tokenFor({ id, roles }) });
}

/** What the gateway did for an order, by its own log. */
async function gatewayLog(orderId: string): Promise<string[]> {
  const { address } = services.shop.process("card-gateway");
  const text = await (await fetch(`http://${address}/v1/log`)).text();
  const entries = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, string>);
  return entries.flatMap(({ reference, action, outcome }) => (reference === orderId ? [`${action} ${outcome}`] : []));
}

async function ledger(orderId: string): Promise<Record<string, number>> {
  const { rows } = await services.database("payments").query<{ account: string; sum: string }>(
    `SELECT account, sum(amount_minor)::text AS sum FROM ledger_entries
     WHERE payment_id = (SELECT id FROM payments WHERE order_id = $1) GROUP BY account`,
    [orderId],
  );
  return Object.fromEntries(rows.map(({ account, sum }) => [account, Number(sum)]));
}

async function events(orderId: string): Promise<string[]> {
  const { rows } = await services
    .database("payments")
    .query<{ subject: string }>(
      "SELECT subject, sequence FROM runtime.outbox WHERE payload->>'orderId' = $1 ORDER BY position",
      [orderId],
    );
  return rows.map(({ subject }) => subject.replace("shop.payments.v1.Payment", ""));
}

test("authorize, capture and refund each happen once, however often they are asked for", async () => {
  const orderId = randomUUIDv7();
  const first = await authorize(orderId);
  assert.deepEqual(await authorize(orderId), first);
  for (let times = 0; times < 2; times += 1) await orders.capturePayment({ orderId });
  assert.deepEqual(await ledger(orderId), { gateway_receivable: 1_234, sales_revenue: -1_234 });
  for (let times = 0; times < 2; times += 1) await orders.refundOrderPayment({ orderId });
  assert.deepEqual(await ledger(orderId), { gateway_receivable: 0, sales_revenue: 0 });
  assert.deepEqual(await events(orderId), ["Authorized", "Captured", "Refunded"]);
  assert.deepEqual(await gatewayLog(orderId), ["authorize applied", "capture applied", "refund applied"]);
});

test("many captures at once charge once", async () => {
  const orderId = randomUUIDv7();
  await authorize(orderId);
  await Promise.all(Array.from({ length: 20 }, () => orders.capturePayment({ orderId })));
  assert.deepEqual(await ledger(orderId), { gateway_receivable: 1_234, sales_revenue: -1_234 });
  assert.deepEqual(await events(orderId), ["Authorized", "Captured"]);
});

for (const [token, reason] of [
  ["tok_declined", "CARD_DECLINED"],
  ["tok_insufficient_funds", "INSUFFICIENT_FUNDS"],
  ["tok_x", "PAYMENT_TOKEN_INVALID"],
] as const) {
  test(`${token} is declined for good, and undoing it is accepted`, async () => {
    const orderId = randomUUIDv7();
    await assert.rejects(authorize(orderId, token), refused(reason));
    await assert.rejects(authorize(orderId, token), refused(reason));
    await orders.voidPayment({ orderId });
    await assert.rejects(orders.capturePayment({ orderId }), refused("PAYMENT_CLOSED"));
    assert.deepEqual(await events(orderId), ["Declined"]);
    assert.deepEqual(await ledger(orderId), {});
  });
}

test("a void of an order never seen shuts the door, here and at the gateway", async () => {
  const orderId = randomUUIDv7();
  for (let times = 0; times < 2; times += 1) await orders.voidPayment({ orderId });
  await assert.rejects(authorize(orderId), refused("PAYMENT_CLOSED"));
  assert.deepEqual(await gatewayLog(orderId), ["void applied", "authorize refused"]);
});

test("authorizing and voiding at once ends with nothing held", async () => {
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      const orderId = randomUUIDv7();
      const [authorized] = await Promise.allSettled([authorize(orderId), orders.voidPayment({ orderId })]);
      const { address } = services.shop.process("card-gateway");
      const held = (await (await fetch(`http://${address}/v1/authorizations/${orderId}`)).json()) as { status: string };
      assert.equal(held.status, "voided", authorized.status);
      await assert.rejects(orders.capturePayment({ orderId }), refused("PAYMENT_CLOSED"));
    }),
  );
});

test("an answer that comes too late is asked for again, and nothing happens twice", async () => {
  const orderId = randomUUIDv7();
  await assert.rejects(authorize(orderId, "tok_timeout"), refused("GATEWAY_UNAVAILABLE", status.UNAVAILABLE));
  await authorize(orderId, "tok_timeout");
  assert.deepEqual(await gatewayLog(orderId), ["authorize applied"]);
});

test("a payment is its customer's and the admins'; only admins refund, and it is audited", async () => {
  const orderId = randomUUIDv7();
  const { paymentId: id } = await authorize(orderId);
  await orders.capturePayment({ orderId });
  const owner = await user(customerId);
  assert.equal((await owner.getPayment({ id })).payment?.state, State.CAPTURED);
  await assert.rejects((await user(randomUUIDv7())).getPayment({ id }), refused("PAYMENT_NOT_FOUND", status.NOT_FOUND));
  const refund = { id, reason: "broken", requestId: randomUUIDv7() };
  await assert.rejects(owner.refundPayment(refund), refused("ROLE_MISSING", status.PERMISSION_DENIED));
  const adminId = randomUUIDv7();
  const admin = await user(adminId, ["admin"]);
  for (let times = 0; times < 2; times += 1) {
    assert.equal((await admin.refundPayment(refund)).payment?.state, State.REFUNDED);
  }
  const { rows } = await services
    .database("payments")
    .query("SELECT action, target, details FROM runtime.audit WHERE actor = $1", [`user:${adminId}`]);
  assert.deepEqual(rows, [{ action: "payment.refunded", target: `payment:${id}`, details: { reason: "broken" } }]);
});

test("the ledger refuses what does not balance, and any change", async () => {
  const db = services.database("payments");
  const unbalanced =
    "INSERT INTO ledger_entries (transaction_id, account, payment_id, amount_minor) VALUES ('x', 'a', $1, 5)";
  await assert.rejects(db.query(unbalanced, [randomUUIDv7()]), /does not balance/);
  await assert.rejects(db.query("UPDATE ledger_entries SET amount_minor = 7"), /append-only/);
});

test("while the gateway is away payments says so at once, and works when it is back", async () => {
  const orderId = randomUUIDv7();
  await services.shop.halt("card-gateway");
  try {
    for (let tries = 0; tries < 8; tries += 1) {
      await assert.rejects(authorize(orderId), refused("GATEWAY_UNAVAILABLE", status.UNAVAILABLE));
    }
  } finally {
    await services.shop.resume("card-gateway");
  }
  for (let tries = 0; ; tries += 1) {
    try {
      await authorize(orderId);
      break;
    } catch (error) {
      if (tries === 40) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  assert.deepEqual(await gatewayLog(orderId), ["authorize applied"]);
});
