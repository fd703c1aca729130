import assert from "node:assert/strict";
import { test } from "node:test";
import { Reconciliation } from "./reconciliation.ts";

test("an answer without a line is lost, and stays lost", () => {
  const loss = new Reconciliation();
  loss.compare(1, 10, 10, true);
  loss.compare(1, 25, 20, true);
  assert.equal(loss.lost, 5);
  loss.compare(1, 30, 27, true);
  assert.equal(loss.lost, 5, "more lines than answers were on their way");
});

test("what a worker did before anybody listened is not lost", () => {
  const loss = new Reconciliation();
  loss.compare(1, 1_000, 3, false);
  assert.equal(loss.lost, 0);
  loss.compare(1, 1_010, 11, false);
  assert.equal(loss.lost, 2);
});

test("a reload starts counting anew, keeps the loss and finds the next one", () => {
  const loss = new Reconciliation();
  loss.compare(1, 100, 98, true);
  loss.compare(2, 4, 130, true);
  assert.equal(loss.lost, 2);
  loss.compare(2, 20, 150, true);
  assert.equal(loss.lost, 2, "the old worker was still sending");
  loss.compare(2, 30, 157, true);
  assert.equal(loss.lost, 5);
});
