import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "vitest";
import { Countdown, within } from "./countdown.ts";

const never = new Promise<void>(() => {});

test("what takes too long leaves those after it their share", async () => {
  const time = new Countdown(300);
  assert.equal(time.share(50, 200), 50);
  assert.equal(await within(time.share(1_000, 200), never), false);
  const left = time.share(1_000, 0);
  assert.ok(left > 100 && left < 205, `${left} ms`);
  assert.equal(time.share(1_000, 1_000), 0);
});

test("what ends in time has ended, also with a failure", async () => {
  assert.equal(await within(1_000, sleep(10)), true);
  assert.equal(await within(0, never), false);
  await assert.rejects(within(1_000, Promise.reject(new Error("broken"))), /broken/);
});
