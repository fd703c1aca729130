import assert from "node:assert/strict";
import { test } from "vitest";
import { describeDrift, driftOf } from "./drift.ts";
import { GENERATED } from "./mesh-files.ts";

const TEXT = `${GENERATED} something\nkind: Server\n`;
const WANTED = new Map([["mesh/policy/catalog.yaml", TEXT]]);

test("nothing has drifted when every file is as it would be written", () => {
  assert.deepEqual(describeDrift(driftOf(WANTED, WANTED)), []);
});

test("a changed, a missing and a left file are each named, with what to do", () => {
  const changed = new Map([["mesh/policy/catalog.yaml", TEXT.replace("Server", "Service")]]);
  const [message = "", ...others] = describeDrift(driftOf(WANTED, changed));
  assert.match(message, /^mesh\/policy\/catalog\.yaml is not what .*: run "npm run generate"/);
  assert.deepEqual(others, []);
  assert.deepEqual(driftOf(WANTED, new Map()).toWrite, ["mesh/policy/catalog.yaml"]);
  const left = new Map([...WANTED, ["mesh/policy/gone.yaml", TEXT]]);
  assert.match(describeDrift(driftOf(WANTED, left)).join(), /^mesh\/policy\/gone\.yaml belongs to no service/);
});

test("a file that somebody wrote by hand beside them is not touched", () => {
  const withOwn = new Map([...WANTED, ["mesh/policy/mine.yaml", "kind: Server\n"]]);
  assert.deepEqual(driftOf(WANTED, withOwn), { toWrite: [], toRemove: [] });
});
