import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, test } from "vitest";
import { authorization, type PaymentsUnderTest, startPayments } from "./payments-under-test.ts";

let payments: PaymentsUnderTest;
beforeAll(async () => {
  payments = await startPayments();
});
afterAll(() => payments?.services.stop());

const adminId = randomUUIDv7();

/** A payment that was charged, as far as payments knows: the gateway has never heard of it, and refuses to refund it. */
async function unknownToTheGateway(state = "CAPTURED"): Promise<string> {
  const id = randomUUIDv7();
  await payments.db.query(
    `INSERT INTO payments (id, order_id, customer_id, amount_minor, state, decline_reason, version)
    VALUES ($1, $2, $3, 1250, $4, '', 2)`,
    [id, randomUUIDv7(), randomUUIDv7(), state],
  );
  return id;
}

/** What an admin leaves behind whose call was cut off some time ago. */
async function leaveRequest(paymentId: string, ago: string, attempts = 0): Promise<void> {
  await payments.db.query(
    `INSERT INTO refund_requests (payment_id, actor, reason, correlation_id, create_time, next_attempt_time, attempts)
    VALUES ($1, $2, 'arrived broken', $3, now() - $4::interval, now() - $4::interval, $5)`,
    [paymentId, `user:${adminId}`, randomUUIDv7(), ago, attempts],
  );
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries += 1) {
    assert.ok(tries < 400, `not after 40 s: ${what}`);
    await sleep(100);
  }
}

interface Request {
  attempts: number;
  refused: boolean;
  wait: number;
}

async function requestOf(paymentId: string): Promise<Request | undefined> {
  const { rows } = await payments.db.query<Request>(
    `SELECT attempts, refused_time IS NOT NULL AS refused, extract(epoch FROM next_attempt_time - now())::float8 AS wait
    FROM refund_requests WHERE payment_id = $1`,
    [paymentId],
  );
  return rows[0];
}

async function gauge(name: string): Promise<number> {
  const admin = payments.services.shop.process("payments").addresses.admin;
  const metrics = await (await fetch(`http://${admin}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)`, "m").exec(metrics)?.[1]);
}

const logLines = (text: string) =>
  readFileSync(payments.services.shop.process("payments").logFile, "utf8")
    .split("\n")
    .filter((line) => line.includes(text));

test("refunds that the gateway refuses keep no other from being made, and each is told of once", async () => {
  const refused = await Promise.all(Array.from({ length: 25 }, () => unknownToTheGateway()));
  for (const id of refused) await leaveRequest(id, "1 hour");
  const orderId = randomUUIDv7();
  await payments.orders.authorizePayment(authorization(orderId));
  await payments.orders.capturePayment({ orderId });
  await leaveRequest((await payments.payment(orderId))?.id ?? "", "10 seconds");
  await until("the one that can be made is made", async () => (await payments.payment(orderId))?.state === "REFUNDED");
  assert.deepEqual(await payments.done(orderId), ["authorize", "capture", "refund"]);

  await until("each refused one is tried twice", async () => {
    const requests = await Promise.all(refused.map(requestOf));
    return requests.every((request) => request?.refused && request.attempts >= 2);
  });
  assert.equal(await gauge("payments_refunds_stuck"), 25);
  assert.equal(await gauge("payments_refunds_open"), 25);
  const told = logLines("a refund is stuck");
  assert.deepEqual(told.map((line) => JSON.parse(line).paymentId).sort(), refused.toSorted());
  await payments.db.query("DELETE FROM refund_requests");
});

test("waits twice as long after each attempt, up to five minutes", async () => {
  const [seldom, seldomer] = [await unknownToTheGateway(), await unknownToTheGateway()];
  await leaveRequest(seldom, "1 hour", 3);
  await leaveRequest(seldomer, "1 hour", 1_000);
  await until("both are tried", async () => {
    return (await requestOf(seldom))?.attempts === 4 && (await requestOf(seldomer))?.attempts === 1_001;
  });
  const { wait = 0 } = (await requestOf(seldom)) ?? {};
  assert.ok(wait > 10 && wait <= 40, `${wait} s`);
  const { wait: longest = 0 } = (await requestOf(seldomer)) ?? {};
  assert.ok(longest > 250 && longest <= 300, `${longest} s`);
  await payments.db.query("DELETE FROM refund_requests");
});

test("closes a request that came while the refund was made on another's behalf, and keeps it in the trail", async () => {
  const id = await unknownToTheGateway("REFUNDED");
  await leaveRequest(id, "10 seconds");
  await until("it is closed", async () => (await requestOf(id)) === undefined);
  const details = { reason: "arrived broken" };
  const audited = [{ actor: `user:${adminId}`, action: "payment.refunded", details }];
  assert.deepEqual(await payments.audits(`payment:${id}`), audited);
});
