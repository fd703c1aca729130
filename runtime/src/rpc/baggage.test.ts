import assert from "node:assert/strict";
import { test } from "vitest";
import { acceptBaggage, baggageHeaders } from "./baggage.ts";

const accept = (headers: Record<string, string>) => acceptBaggage((name) => headers[name]);

test("of a baggage header only what is on the list travels on (W3C Baggage lets a party drop entries)", () => {
  assert.equal(accept({ baggage: "userId=alice,preview=v2,session=1" }), "preview=v2");
  assert.equal(accept({ baggage: "userId=alice" }), "");
  assert.equal(accept({}), "");
});

test("an entry is read with white space around it, in percent-encoding and without its properties (W3C Baggage, header format)", () => {
  assert.equal(accept({ baggage: "a=1 , preview = v%32 ;ttl=5;x, b=2" }), "preview=v2");
});

test("the header of an entry's own counts more than baggage", () => {
  assert.equal(accept({ baggage: "preview=v2", "x-preview": "v3" }), "preview=v3");
  assert.equal(accept({ "x-preview": "v3" }), "preview=v3");
});

test("an empty header counts as none, as where a library answers so for one that is missing", () => {
  assert.equal(accept({ baggage: "preview=v2", "x-preview": "" }), "preview=v2");
});

test("a value that could do harm in a header, a row or a log does not travel, nor one of more than 64 characters", () => {
  for (const value of ["", "a b", "a\nb", "a,b=c", "ü", "%zz", "v".repeat(65)]) {
    assert.equal(accept({ "x-preview": value }), "", value);
    assert.equal(accept({ baggage: `preview=${encodeURIComponent(value)}` }), "", value);
  }
  assert.equal(accept({ baggage: "preview=%zz" }), "");
  assert.equal(accept({ "x-preview": "v".repeat(64) }), `preview=${"v".repeat(64)}`);
});

test("a baggage header of more than 8,192 characters is not read", () => {
  assert.equal(accept({ baggage: `a=${"x".repeat(8_200)},preview=v2` }), "");
});

test("the next hop gets the entries as baggage and each in a header of its own, which a route can match", () => {
  assert.deepEqual(baggageHeaders("preview=v2"), [
    ["baggage", "preview=v2"],
    ["x-preview", "v2"],
  ]);
  assert.deepEqual(baggageHeaders(""), []);
});
