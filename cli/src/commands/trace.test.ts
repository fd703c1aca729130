import assert from "node:assert/strict";
import type { PlacedSpan, Trace, TraceSummary } from "@row/mesh/observer/traces/trace.ts";
import { test } from "vitest";
import { renderLists, renderTrace } from "./trace.ts";

function span(part: Partial<PlacedSpan>): PlacedSpan {
  return {
    id: "",
    parent: "",
    name: "PlaceOrder",
    kind: "server",
    service: "orders",
    instance: "orders-v1-1",
    startUs: 0,
    durationUs: 0,
    failed: false,
    status: "",
    attributes: {},
    depth: 0,
    offsetUs: 0,
    ...part,
  };
}

const TRACE: Trace = {
  id: "ab".repeat(16),
  startTime: "2026-11-21T12:01:02.123Z",
  durationUs: 32_000,
  spans: [
    span({ durationUs: 32_000 }),
    span({ depth: 1, kind: "outbound", name: "to catalog-v1", offsetUs: 8_000, durationUs: 16_000, status: "OK" }),
    span({
      depth: 2,
      service: "catalog",
      name: "/shop.catalog.v1.Catalog/Get",
      offsetUs: 16_000,
      durationUs: 1,
      failed: true,
      status: "gone",
    }),
  ],
};

test("shows a trace as a waterfall: names by depth, bars by time, failures by their reason", () => {
  const [title, , ...rows] = renderTrace(TRACE, 120).split("\n");
  assert.equal(title, `${TRACE.id}  2026-11-21T12:01:02.123Z  3 spans, 32.0 ms`);
  assert.deepEqual(
    rows.map((row) => row.trimEnd()),
    [
      `orders PlaceOrder         ${"▇".repeat(32)}   32.0 ms`,
      `  ⇥ orders to catalog-v1  ${" ".repeat(8)}${"▇".repeat(16)}${" ".repeat(8)}   16.0 ms`,
      `    catalog Catalog/Get   ${" ".repeat(16)}▇${" ".repeat(15)}      1 µs  ✗ gone`,
      "",
      "⇥ the caller's sidecar, ↦ the callee's",
    ],
  );
});

test("says of a span what was injected on purpose", () => {
  const attributes = { injected: "catalog/v2:slow" };
  const spans = [span({ durationUs: 32_000, attributes }), span({ attributes, failed: true, status: "INTERNAL" })];
  const [, , slow = "", failed = ""] = renderTrace({ ...TRACE, spans }, 120).split("\n");
  assert.match(slow, / 32\.0 ms {2}injected catalog\/v2:slow$/);
  assert.match(failed, / {2}✗ INTERNAL {2}injected catalog\/v2:slow$/);
});

test("cuts names only where a narrow terminal has no room for them, and draws nothing beyond the end", () => {
  const deep = span({ name: "x".repeat(200), offsetUs: 32_000, durationUs: 90_000 });
  const row = renderTrace({ ...TRACE, spans: [deep] }, 80).split("\n")[2] ?? "";
  assert.match(row, /^orders x{28}… {33}▇ {3}90\.0 ms$/);
  assert.equal(row.length, 80);
});

test("lists traces by why one looks for them, and says when there are none", () => {
  const summary: TraceSummary = {
    id: TRACE.id,
    operation: "POST /v1/orders",
    service: "edge",
    startTime: TRACE.startTime,
    durationUs: 32_000,
    failed: false,
    spans: 3,
    kept: "sample",
  };
  const text = renderLists({ failed: [{ ...summary, failed: true }], slowest: [], recent: [summary] });
  assert.deepEqual(text.split("\n").slice(0, 5), [
    "Failed",
    `  ${TRACE.id}  12:01:02.123  32.0 ms  edge  POST /v1/orders  3 spans  failed`,
    "",
    "Recent",
    `  ${TRACE.id}  12:01:02.123  32.0 ms  edge  POST /v1/orders  3 spans`,
  ]);
  assert.match(renderLists({ failed: [], slowest: [], recent: [] }), /^No traces yet/);
});
