import assert from "node:assert/strict";
import { test } from "vitest";
import { Reconciliation } from "./reconciliation.ts";

function look(loss: Reconciliation, pid: number, responses: number, lines: number, isWhole: boolean): void {
  loss.compare({ pid, responses, linesBefore: lines, linesAfter: lines }, isWhole);
}

test("an answer without a line is lost when it is still missing at the next look, and stays lost", () => {
  const loss = new Reconciliation();
  look(loss, 1, 10, 10, true);
  look(loss, 1, 25, 20, true);
  assert.equal(loss.lost, 0, "the lines may come late");
  assert.equal(loss.isSuspicious, true);
  look(loss, 1, 31, 26, true);
  assert.equal(loss.lost, 5);
  assert.equal(loss.isSuspicious, false);
  look(loss, 1, 40, 37, true);
  assert.equal(loss.lost, 5, "lines of answers after the look were counted");
});

test("lines that come late are not lost", () => {
  const loss = new Reconciliation();
  look(loss, 1, 10, 10, true);
  look(loss, 1, 900, 400, true);
  look(loss, 1, 950, 948, true);
  look(loss, 1, 960, 960, true);
  assert.equal(loss.lost, 2);
});

test("what a worker did before anybody listened is not lost", () => {
  const loss = new Reconciliation();
  look(loss, 1, 1_000, 3, false);
  assert.equal(loss.lost, 0);
  for (let looks = 0; looks < 2; looks += 1) look(loss, 1, 1_010, 11, false);
  assert.equal(loss.lost, 2);
});

test("a reload starts counting anew, keeps the loss and finds the next one", () => {
  const loss = new Reconciliation();
  for (let looks = 0; looks < 2; looks += 1) look(loss, 1, 100, 98, true);
  look(loss, 2, 4, 130, true);
  assert.equal(loss.lost, 2);
  look(loss, 2, 20, 150, true);
  assert.equal(loss.lost, 2, "the old worker was still sending");
  for (let looks = 0; looks < 2; looks += 1) look(loss, 2, 30, 157, true);
  assert.equal(loss.lost, 5);
});

test("lines that come while a new worker is first looked at are not missed afterwards", () => {
  const loss = new Reconciliation();
  look(loss, 1, 100, 100, true);
  for (const [responses, lines] of [
    [50, 180],
    [150, 280],
  ] as const) {
    loss.compare({ pid: 2, responses, linesBefore: lines, linesAfter: lines + 25 }, true);
  }
  for (let looks = 0; looks < 2; looks += 1) look(loss, 2, 200, 330, true);
  assert.equal(loss.lost, 0);
});
