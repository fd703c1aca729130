import assert from "node:assert/strict";
import { test } from "vitest";
import { searchWords } from "./search-words.ts";

test("leaves what means something as it is", () => {
  for (const query of ['"small lamp" -kit', 'tea -"earl grey"', "state-of-the-art", "-écru or -5", "the", "a & b!"]) {
    assert.equal(searchWords(` ${query}\t`), query);
  }
});

test("takes away minuses that exclude nothing", () => {
  assert.equal(searchWords("coffee - tea"), "coffee   tea");
  assert.equal(searchWords("--tea"), " -tea");
  assert.equal(searchWords("-".repeat(200)).trim(), "");
  assert.equal(searchWords("-!".repeat(100)).includes("-"), false);
});

test("refuses what is blank", () => {
  for (const query of ["", "  ", "\t\n"]) assert.throws(() => searchWords(query), { message: /^query: / });
});
