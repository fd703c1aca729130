import assert from "node:assert/strict";
import { test } from "vitest";
import { RecentCalls, secondsOf, wholeWindow } from "./recent-calls.ts";
import { emptyTotals } from "./sliding-window.ts";

const NOW = 1_800_000_005;

function countedIn(recent: RecentCalls, windowSeconds: number) {
  const totals = emptyTotals();
  recent.addTo(totals, NOW, windowSeconds);
  return totals;
}

test("a window holds the calls of its length, and a longer one those before as well", () => {
  const recent = new RecentCalls();
  for (const ago of [290, 100, 12, 3, 0]) recent.record(NOW - ago, 1_000, false, false, false, 0);
  assert.deepEqual(
    [2, 10, 20, 60, 120, 300].map((seconds) => countedIn(recent, seconds).requests),
    [1, 2, 3, 3, 4, 5],
  );
});

test("a window tells failures, calls given up, calls that met their deadline and what was sent again apart", () => {
  const recent = new RecentCalls();
  recent.record(NOW, 1_000, true, false, true, 2);
  recent.record(NOW, 1_000, true, true, false, 0);
  recent.record(NOW, 1_000, false, false, false, 1);
  for (const seconds of [10, 60]) {
    const { requests, failures, cancelled, timeouts, retries } = countedIn(recent, seconds);
    assert.deepEqual([requests, failures, cancelled, timeouts, retries], [3, 1, 1, 1, 3], `${seconds} s`);
  }
});

test("what is older than the longest window is forgotten, as its place is taken", () => {
  const recent = new RecentCalls();
  recent.record(NOW - 310, 1_000, false, false, false, 0);
  recent.record(NOW, 1_000, false, false, false, 0);
  assert.equal(countedIn(recent, 300).requests, 1);
});

test("a window is as long as was asked for, in whole steps, and tells how long it really is", () => {
  assert.deepEqual([0.5, 3, 10, 11, 60, 9_999].map(wholeWindow), [1, 3, 10, 20, 60, 300]);
  assert.equal(secondsOf(10, 1_800_000_005_250), 10.25);
  assert.equal(secondsOf(60, 1_800_000_005_250), 65.25);
});
