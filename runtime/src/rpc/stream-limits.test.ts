import assert from "node:assert/strict";
import { test } from "vitest";
import { StreamLimits } from "./stream-limits.ts";

test("each user has a share of the streams, and gets it back with each stream that ends", () => {
  const limits = new StreamLimits({ total: 10, perUser: 2 });
  const open = () => {
    const permit = limits.take();
    permit.takeFor("alice");
    return permit;
  };
  const [first] = [open(), open()];
  assert.throws(open, { kind: "exhausted" });
  first.leave();
  first.leave();
  open();
  assert.throws(open, { kind: "exhausted" });
});

test("a stream that ended before it was known whose it is counts for nobody", () => {
  const limits = new StreamLimits({ total: 10, perUser: 1 });
  for (let times = 0; times < 20; times += 1) {
    const permit = limits.take();
    permit.leave();
    permit.takeFor("alice");
  }
  limits.take().takeFor("alice");
});
