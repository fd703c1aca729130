import assert from "node:assert/strict";
import { test } from "vitest";
import { INBOUND_FIELDS, lineFormat, OUTBOUND_FIELDS, positionsOf } from "./request-line.ts";

test("every field is read where HAProxy writes it", () => {
  for (const fields of [OUTBOUND_FIELDS, INBOUND_FIELDS]) {
    const written = lineFormat(fields, "cart-v1-1").split("|");
    const { count, ...positions } = positionsOf(fields);
    assert.equal(count, written.length);
    const { instance: _, ...others } = fields;
    for (const [name, what] of Object.entries(others)) {
      const at = (positions as Record<string, number>)[name] ?? -1; // by the names of its own fields
      assert.equal(written[at], what, name);
    }
    assert.equal(written[positions.instance], "cart-v1-1");
  }
});

test("lines begin with their kind and, of calls made, with what few combinations exist of; they end alike", () => {
  assert.deepEqual(Object.keys(OUTBOUND_FIELDS).slice(0, 4), ["kind", "instance", "backend", "server"]);
  for (const fields of [OUTBOUND_FIELDS, INBOUND_FIELDS]) {
    assert.equal(positionsOf(fields).kind, 0);
    assert.deepEqual(Object.keys(fields).slice(-3), ["path", "traceparent", "startUs"]);
  }
});
