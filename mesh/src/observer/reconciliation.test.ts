import assert from "node:assert/strict";
import { test } from "node:test";
import { Reconciliation } from "./reconciliation.ts";

test("an answer without a line is lost when it is still missing at the next look, and stays lost", () => {
  const loss = new Reconciliation();
  loss.compare(1, 10, 10, true);
  loss.compare(1, 25, 20, true);
  assert.equal(loss.lost, 0, "the lines may come late");
  assert.equal(loss.isSuspicious, true);
  loss.compare(1, 31, 26, true);
  assert.equal(loss.lost, 5);
  assert.equal(loss.isSuspicious, false);
  loss.compare(1, 40, 37, true);
  assert.equal(loss.lost, 5, "lines of answers after the look were counted");
});

test("lines that come late are not lost", () => {
  const loss = new Reconciliation();
  loss.compare(1, 10, 10, true);
  loss.compare(1, 900, 400, true);
  loss.compare(1, 950, 948, true);
  loss.compare(1, 960, 960, true);
  assert.equal(loss.lost, 2);
});

test("what a worker did before anybody listened is not lost", () => {
  const loss = new Reconciliation();
  loss.compare(1, 1_000, 3, false);
  assert.equal(loss.lost, 0);
  for (let looks = 0; looks < 2; looks += 1) loss.compare(1, 1_010, 11, false);
  assert.equal(loss.lost, 2);
});

test("a reload starts counting anew, keeps the loss and finds the next one", () => {
  const loss = new Reconciliation();
  for (let looks = 0; looks < 2; looks += 1) loss.compare(1, 100, 98, true);
  loss.compare(2, 4, 130, true);
  assert.equal(loss.lost, 2);
  loss.compare(2, 20, 150, true);
  assert.equal(loss.lost, 2, "the old worker was still sending");
  for (let looks = 0; looks < 2; looks += 1) loss.compare(2, 30, 157, true);
  assert.equal(loss.lost, 5);
});
