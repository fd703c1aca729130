import assert from "node:assert/strict";
import { test } from "vitest";
import { nameKey, rankKey } from "./page-key.ts";

const id = "01a19467-e800-7000-8000-000000000001";

test("reads the keys that the lists write", () => {
  assert.deepEqual(nameKey(["Enamel Mug", id]), { name: "Enamel Mug", id });
  for (const rank of ["0", "0.6079271", "1e-20", "3.2e-05", "1.17549435e-38", "1e-45"])
    assert.deepEqual(rankKey([rank, id]), { rank, id });
  assert.equal(nameKey(undefined), undefined);
  assert.equal(rankKey(undefined), undefined);
});

test("refuses a key that somebody made up", () => {
  for (const parts of [[], ["a"], ["a", "b"], ["a", id, "c"], ["a\0", id], ["\ud800", id], ["a", `${id}'`]]) {
    assert.throws(() => nameKey(parts), { message: /^page_token: / });
  }
  const tooGreat = ["1e39", "1e99", "9".repeat(400), "3.4028236e38"];
  const tooSmall = ["1e-46", "1e-99", `0.${"0".repeat(400)}1`];
  for (const rank of ["", "NaN", "-1", "1e999", "0x10", "1;", "1\n", ...tooGreat, ...tooSmall]) {
    assert.throws(() => rankKey([rank, id]), { message: /^page_token: / });
  }
});
