import assert from "node:assert/strict";
import { test } from "vitest";
import { IdWindow, lowestId, msOf } from "./id-window.ts";

const START_MS = 1_764_000_000_000;
const idAt = (ms: number, digit = "a") => `${lowestId(START_MS + ms).slice(0, 24)}${digit.repeat(12)}`;

test("an id tells when it was made", () => {
  assert.equal(msOf(lowestId(START_MS)), START_MS);
  assert.equal(msOf("019c5a00-0000-7abc-8def-0123456789ab"), 0x019c5a000000);
  assert.ok(lowestId(START_MS) <= idAt(0));
});

test("nothing of before the run is looked at", () => {
  const window = new IdWindow(idAt(0));
  assert.equal(window.from, idAt(0));
  window.saw([{ id: idAt(1_000), isOpen: false }]);
  assert.equal(window.from, idAt(0));
});

test("what is late by less than ten seconds is found, and what was told is not told again", () => {
  const window = new IdWindow(idAt(0));
  window.saw([{ id: idAt(30_000), isOpen: false }]);
  assert.equal(window.from, lowestId(START_MS + 20_000));
  assert.deepEqual(window.taken, [idAt(30_000)]);
  window.saw([{ id: idAt(50_000), isOpen: false }]);
  assert.deepEqual(window.taken, [idAt(50_000)], "what is before the window need not be known any more");
});

test("an open order is asked for until it has ended, or for a minute", () => {
  const window = new IdWindow(idAt(0));
  window.saw([{ id: idAt(5_000), isOpen: true }]);
  window.saw([{ id: idAt(40_000), isOpen: false }]);
  assert.equal(msOf(window.from) - START_MS, 5_000);
  window.saw([{ id: idAt(5_000), isOpen: false }]);
  assert.equal(msOf(window.from) - START_MS, 30_000);
  window.saw([{ id: idAt(41_000), isOpen: true }]);
  window.saw([{ id: idAt(200_000), isOpen: false }]);
  assert.equal(msOf(window.from) - START_MS, 190_000, "it is left out");
});
