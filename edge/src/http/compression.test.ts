import assert from "node:assert/strict";
import { test } from "vitest";
import { chooseCoding, varyingByEncoding } from "./compression.ts";

for (const [acceptEncoding, coding] of [
  [undefined, undefined],
  ["", undefined],
  ["identity", undefined],
  ["deflate, zstd", undefined],
  ["gzip", "gzip"],
  ["gzip, deflate, br, zstd", "br"],
  ["GZIP;q=1, br;q=0.9", "gzip"],
  ["br;q=0, gzip;q=0.1", "gzip"],
  ["*", "br"],
  ["br;q=0, *", "gzip"],
  ["*;q=0", undefined],
  ["gzip;q=0.5, identity", undefined],
  ["gzip, identity;q=0.5", "gzip"],
] as const) {
  test(`compresses with ${coding} for ${JSON.stringify(acceptEncoding)}`, () => {
    assert.equal(chooseCoding(acceptEncoding), coding);
  });
}

test("adds to Vary what is not in it", () => {
  assert.equal(varyingByEncoding(undefined), "Accept-Encoding");
  assert.equal(varyingByEncoding("Origin"), "Origin, Accept-Encoding");
  assert.equal(varyingByEncoding("Host, Accept-Encoding"), "Host, Accept-Encoding");
});
