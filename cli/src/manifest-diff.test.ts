import assert from "node:assert/strict";
import { test } from "vitest";
import { manifestDiff } from "./manifest-diff.ts";

const lines = (...numbers: (number | string)[]) => `${numbers.map((number) => `line: ${number}`).join("\n")}\n`;

test("shows lines that go and come with three lines around them, and leaves out the others", () => {
  assert.deepEqual(manifestDiff(lines(1, 2, 3, 4, 5, 6, 7, 8, 9), lines(1, 2, 3, 4, "five", 6, 7, 8, 9)), [
    "  line: 2",
    "  line: 3",
    "  line: 4",
    "- line: 5",
    "+ line: five",
    "  line: 6",
    "  line: 7",
    "  line: 8",
    "  …",
  ]);
});

test("shows all of what is new, all of what goes, and nothing where nothing changes", () => {
  assert.deepEqual(manifestDiff("", lines(1, 2)), ["+ line: 1", "+ line: 2"]);
  assert.deepEqual(manifestDiff(lines(1), ""), ["- line: 1"]);
  assert.deepEqual(manifestDiff(lines(1, 2), lines(1, 2)), []);
});
