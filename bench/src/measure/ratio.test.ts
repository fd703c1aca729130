import assert from "node:assert/strict";
import { test } from "vitest";
import { ratioOf } from "./ratio.ts";

test("compares round by round", () => {
  assert.deepEqual(ratioOf([200, 100, 600], [100, 100, 200]), { median: 2, lowest: 1, highest: 3 });
});

test("leaves a round out in which there was nothing to compare with", () => {
  assert.deepEqual(ratioOf([200, 100], [0, 50]), { median: 2, lowest: 2, highest: 2 });
});
