import assert from "node:assert/strict";
import { test } from "vitest";
import { isInside, isNetwork } from "./network.ts";

test("tells networks and addresses from what is none", () => {
  for (const network of ["10.0.0.0/8", "0.0.0.0/0", "10.1.2.3", "::/0", "fd00::/8"])
    assert.ok(isNetwork(network), network);
  for (const other of ["", "10.0.0.0/33", "10.0.0/8", "::/129", "a/8", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1"]) {
    assert.ok(!isNetwork(other), other);
  }
});

test("a network is inside another when all of its addresses are", () => {
  assert.ok(isInside("10.1.0.0/16", "10.0.0.0/8"));
  assert.ok(isInside("10.0.0.0/8", "10.0.0.0/8"));
  assert.ok(isInside("10.1.2.3", "10.0.0.0/8"));
  assert.ok(isInside("fd12::/16", "fd00::/8"));
  assert.ok(!isInside("10.0.0.0/8", "10.0.0.0/16"));
  assert.ok(!isInside("11.0.0.0/16", "10.0.0.0/8"));
  assert.ok(!isInside("10.0.0.0/8", "::/0"));
});
