import assert from "node:assert/strict";
import { test } from "vitest";
import { markdownTable } from "./markdown-table.ts";

test("aligns what a column holds, figures to the right", () => {
  const table = ["| what  | p50 |", "| ----- | --: |", "| order |   5 |"].join("\n");
  assert.equal(markdownTable(["what", "p50"], [["order", "5"]]), table);
});
