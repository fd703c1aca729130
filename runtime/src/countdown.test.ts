import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "vitest";
import { Countdown, within } from "./countdown.ts";

const never = new Promise<void>(() => {});

test("what takes too long leaves those after it their share", async () => {
  const earliest = performance.now();
  const time = new Countdown(60_000);
  const latest = performance.now();
  assert.equal(time.share(50, 20_000), 50);
  assert.equal(await within(time.share(100, 20_000), never), false);
  for (const kept of [0, 20_000]) {
    const before = performance.now();
    const left = time.share(100_000, kept);
    const least = 60_000 - kept - (performance.now() - earliest);
    const most = 60_000 - kept - (before - latest);
    assert.ok(left >= least && left <= most, `${left} ms, not ${least} to ${most}`);
  }
  assert.equal(time.share(1_000, 60_000), 0);
});

test("what ends in time has ended, also with a failure", async () => {
  assert.equal(await within(1_000, sleep(10)), true);
  assert.equal(await within(0, never), false);
  await assert.rejects(within(1_000, Promise.reject(new Error("broken"))), /broken/);
});
