import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, test } from "vitest";
import { answerOf, authorization, type PaymentsUnderTest, startPayments } from "./payments-under-test.ts";

const folder = mkdtempSync(join(tmpdir(), "payments-crash-"));
const crashList = join(folder, "points");
let payments: PaymentsUnderTest;
beforeAll(async () => {
  payments = await startPayments({ CRASH_LIST: crashList });
});
afterAll(async () => {
  await payments?.services.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Asks again until it is done, as the saga does, with the process dying once at `point`. */
async function throughCrash(point: string, step: () => Promise<unknown>): Promise<void> {
  writeFileSync(crashList, point);
  for (let tries = 0; (await answerOf(step())) !== "OK"; tries += 1) {
    if (tries === 100) throw new Error(`Not done after the crash at ${point}`);
    await sleep(100);
  }
  assert.equal(existsSync(crashList) && readFileSync(crashList, "utf8"), "", `${point} was never reached`);
}

const steps = {
  authorize: (orderId: string) => payments.orders.authorizePayment(authorization(orderId)),
  capture: (orderId: string) => payments.orders.capturePayment({ orderId }),
  void: (orderId: string) => payments.orders.voidPayment({ orderId }),
  refund: (orderId: string) => payments.orders.refundOrderPayment({ orderId }),
};
type Step = keyof typeof steps;

const journeys: { before: Step[]; step: Step; done: Step[]; events: string[]; owed: Record<string, number> }[] = [
  { before: [], step: "authorize", done: ["authorize"], events: ["PaymentAuthorized 1"], owed: {} },
  { before: [], step: "void", done: ["void"], events: ["PaymentVoided 1"], owed: {} },
  {
    before: ["authorize"],
    step: "void",
    done: ["authorize", "void"],
    events: ["PaymentAuthorized 1", "PaymentVoided 2"],
    owed: {},
  },
  {
    before: ["authorize"],
    step: "capture",
    done: ["authorize", "capture"],
    events: ["PaymentAuthorized 1", "PaymentCaptured 2"],
    owed: { gateway_receivable: 1_250, sales_revenue: -1_250 },
  },
  {
    before: ["authorize", "capture"],
    step: "refund",
    done: ["authorize", "capture", "refund"],
    events: ["PaymentAuthorized 1", "PaymentCaptured 2", "PaymentRefunded 3"],
    owed: { gateway_receivable: 0, sales_revenue: 0 },
  },
];

// Where the gateway has acted and payments knows nothing of it. The chaos tests hit the other points, through the saga.
for (const { before, step, done, events, owed } of journeys) {
  const point = `payments.after-${step}`;
  test(`a crash at ${point}, after [${before}], is made good by asking again`, async () => {
    const orderId = randomUUIDv7();
    for (const earlier of before) await steps[earlier](orderId);
    await throughCrash(point, () => steps[step](orderId));
    assert.deepEqual(await payments.done(orderId), done);
    assert.deepEqual(await payments.events(orderId), events);
    assert.deepEqual(await payments.balances(orderId), owed);
  });
}

for (const point of ["payments.after-ask-refund", "payments.after-refund"]) {
  test(`an admin's refund cut off at ${point} is finished and audited with nobody asking again`, async () => {
    const orderId = randomUUIDv7();
    await steps.authorize(orderId);
    await steps.capture(orderId);
    const id = (await payments.payment(orderId))?.id ?? "";
    const adminId = randomUUIDv7();
    const admin = await payments.user(["admin"], adminId);
    const request = { id, reason: "arrived broken", requestId: randomUUIDv7() };
    writeFileSync(crashList, point);
    assert.notEqual(await answerOf(admin.refundPayment(request)), "OK");
    for (let tries = 0; (await payments.payment(orderId))?.state !== "REFUNDED"; tries += 1) {
      assert.ok(tries < 400, "not refunded after 40 s");
      await sleep(100);
    }
    assert.equal(await answerOf(admin.refundPayment(request)), "OK");
    assert.deepEqual(await payments.done(orderId), ["authorize", "capture", "refund"]);
    assert.deepEqual(await payments.balances(orderId), { gateway_receivable: 0, sales_revenue: 0 });
    assert.deepEqual(await payments.audits(`payment:${id}`), [
      { actor: `user:${adminId}`, action: "payment.refunded", details: { reason: "arrived broken" } },
    ]);
    const { rows } = await payments.db.query("SELECT FROM refund_requests");
    assert.equal(rows.length, 0);
  });
}
