import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { MAX_JSON_DEPTH, parseJsonBody } from "./body.ts";
import { jsonErrorPosition } from "./error-position.ts";

test("reads any JSON that is not too deep", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(parseJsonBody(Buffer.from(JSON.stringify(value, null, 1))), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("counts depth, and not brackets in strings", () => {
  const nested = (depth: number) => Buffer.from("[".repeat(depth) + "]".repeat(depth));
  assert.ok(parseJsonBody(nested(MAX_JSON_DEPTH)));
  assert.throws(() => parseJsonBody(nested(MAX_JSON_DEPTH + 1)), /deeper than 64/);
  assert.equal(parseJsonBody(Buffer.from(`"\\"${"[".repeat(100)}"`)), `"${"[".repeat(100)}`);
});

for (const [text, position] of [
  ["items=1", 0],
  ['{"a": NaN}', 6],
  ['{"a": 1,}', 8],
  ["[1, 2,]", 6],
  ["[1 2]", 3],
  ['{"a" 1}', 5],
  ["{a: 1}", 1],
  ['{"a": "x\ny"}', 6],
  ["[1]]", 3],
  ["[1}", 2],
  ["01", 1],
  ["[", 1],
  ["", 0],
] as const) {
  test(`finds what is wrong with ${JSON.stringify(text)} at ${position}`, () => {
    assert.equal(jsonErrorPosition(text), position);
  });
}

test("finds an error in exactly the texts that are no JSON", () => {
  const piece = fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', "1", "-", "true", " ", "x", '"\\u12', "1.5e3");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join("");
      const position = jsonErrorPosition(text);
      // What stands before the error can still become JSON: V8 complains of nothing but its end.
      if (isJson(text)) assert.equal(position, text.length);
      else assert.ok(position <= text.length);
    }),
  );
});

test("finds the error behind a very long string", () => {
  const long = "x".repeat(1_000_000);
  assert.equal(jsonErrorPosition(`["${long}", y]`), 1_000_005);
  assert.throws(() => parseJsonBody(Buffer.from(`["${long}`)), /no JSON/);
  assert.throws(() => parseJsonBody(Buffer.from(`["\\u00${long}"]`)), /position 1\)/);
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
