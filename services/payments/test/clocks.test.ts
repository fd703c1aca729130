/** The clock of payments is set while the card gateway is away: cockatiel 4.0.0 tells durations by it. */
import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, test } from "vitest";
import { answerOf, authorization, type PaymentsUnderTest, startPayments } from "./payments-under-test.ts";

const HOUR_MS = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), "row-clock-"));
const offset = join(folder, "offset");

let payments: PaymentsUnderTest;
beforeAll(async () => {
  writeFileSync(offset, "0");
  const clock = import.meta.resolve("@row/tests/harness/shifted-clock.ts");
  payments = await startPayments({ NODE_OPTIONS: `--import=${clock}`, CLOCK_OFFSET_FILE: offset });
});
afterAll(async () => {
  await payments?.services.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function setClock(ms: number): Promise<void> {
  writeFileSync(offset, String(ms));
  await sleep(150); // a process looks every 50 ms
}

const authorize = () => answerOf(payments.orders.authorizePayment(authorization(randomUUIDv7())));

/** What stands in the way is told while the breaker is open: nobody asked the gateway. */
async function untilLeftAlone(): Promise<void> {
  for (let looks = 0; looks < 40; looks += 1) {
    const call = payments.orders.authorizePayment(authorization(randomUUIDv7()));
    const message = await call.then(
      () => "",
      (error: Error) => error.message,
    );
    if (message.includes("left alone")) return;
    await Promise.all(Array.from({ length: 10 }, authorize));
  }
  throw new Error("the gateway is never left alone");
}

async function untilServed(): Promise<void> {
  const end = performance.now() + 10_000;
  while ((await authorize()) !== "OK") {
    assert.ok(performance.now() < end, "the gateway is back, and not asked");
    await sleep(50);
  }
}

for (const [jump, where] of [
  [-365 * 24 * HOUR_MS, "a year back"],
  [-HOUR_MS, "an hour back"],
  [HOUR_MS, "an hour ahead"],
] as const) {
  test(`a gateway that is left alone is tried again in time, though the clock was set ${where} meanwhile`, async (t) => {
    t.onTestFinished(() => setClock(0));
    assert.equal(await authorize(), "OK");
    await payments.services.shop.halt("card-gateway");
    await untilLeftAlone();
    await setClock(jump);
    await payments.services.shop.resume("card-gateway");
    await untilServed();
    await payments.services.shop.halt("card-gateway");
    await untilLeftAlone();
    await setClock(0);
    await payments.services.shop.resume("card-gateway");
    await untilServed();
  });
}
