import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { InvalidField } from "./domain-error.ts";
import { PageTokens, pageSize } from "./page-token.ts";

const key = fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 4 });

test("a token gives back its key, whatever is in it", () => {
  const tokens = new PageTokens("products", "coffee");
  fc.assert(fc.property(key, (parts) => assert.deepEqual(tokens.decode(tokens.encode(parts)), parts)));
});

test("a token of another list or another filter is refused", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), key, (list, filter, parts) => {
      const token = new PageTokens("products", "coffee").encode(parts);
      fc.pre(list !== "products" || filter !== "coffee");
      assert.throws(() => new PageTokens(list, filter).decode(token), InvalidField);
    }),
  );
});

test("any other text is refused by the field's name", () => {
  const tokens = new PageTokens("products", "");
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (text) => {
      assert.throws(() => tokens.decode(text), /^InvalidField: page_token: is not from this list/);
    }),
  );
});

test("an empty token is the first page", () => {
  assert.equal(new PageTokens("products", "").decode(""), undefined);
});

test("page sizes have a default and a limit", () => {
  assert.equal(pageSize(0, 20, 100), 20);
  assert.equal(pageSize(7, 20, 100), 7);
  assert.equal(pageSize(1_000, 20, 100), 100);
});

test("one row more than the page tells of a next one, which begins after the last of this", () => {
  const tokens = new PageTokens("letters", "");
  const pageOf = (found: string[]) => tokens.page(found, 2, (letter) => [letter]);
  assert.deepEqual(pageOf(["a", "b"]), { rows: ["a", "b"], nextPageToken: "" });
  const first = pageOf(["a", "b", "c"]);
  assert.deepEqual(first.rows, ["a", "b"]);
  assert.deepEqual(tokens.decode(first.nextPageToken), ["b"]);
  assert.deepEqual(pageOf([]), { rows: [], nextPageToken: "" });
});
