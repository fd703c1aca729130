import assert from "node:assert/strict";
import { test } from "vitest";
import type { Span, SpanKind } from "./span.ts";
import { placeSpans, rootOf } from "./trace.ts";

function span(id: string, parent: string, kind: SpanKind, startUs: number, durationUs = 100): Span {
  const rest = { service: id, instance: id, failed: false, status: "", attributes: {} };
  return { id, parent, name: id, kind, startUs, durationUs, ...rest };
}

const shape = (spans: Span[]) => placeSpans("t", spans).spans.map(({ id, depth }) => "  ".repeat(depth) + id);

test("shows a call as client, outbound sidecar, inbound sidecar, server", () => {
  const spans = [
    span("server", "client", "server", 1_030, 40),
    span("in", "client", "inbound", 1_020, 60),
    span("out", "client", "outbound", 1_010, 80),
    span("client", "root", "client", 1_000),
    span("root", "", "server", 900, 300),
    span("query", "server", "internal", 1_040, 10),
  ];
  assert.deepEqual(shape(spans), ["root", "  client", "    out", "      in", "        server", "          query"]);
  assert.equal(rootOf(spans)?.id, "root");
  const { durationUs, spans: placed } = placeSpans("t", spans);
  assert.equal(durationUs, 300);
  assert.deepEqual(
    placed.map(({ offsetUs }) => offsetUs),
    [0, 100, 110, 120, 130, 140],
  );
});

test("gives each attempt of a call its own hops", () => {
  const spans = [
    span("client", "", "client", 0, 90_000),
    span("out-1", "client", "outbound", 1_000, 10_000),
    span("in-1", "client", "inbound", 2_000, 8_000),
    span("server-1", "client", "server", 3_000, 5_000),
    span("out-2", "client", "outbound", 40_000, 10_000),
    span("in-2", "client", "inbound", 41_000, 8_000),
    span("server-2", "client", "server", 42_000, 5_000),
  ];
  const once = (n: number) => [`  out-${n}`, `    in-${n}`, `      server-${n}`];
  assert.deepEqual(shape(spans), ["client", ...once(1), ...once(2)]);
});

test("shows a server under its client when no sidecar told of the call", () => {
  assert.deepEqual(shape([span("client", "", "client", 0), span("server", "client", "server", 10)]), [
    "client",
    "  server",
  ]);
});

test("shows what lacks its parent, and comes to an end when spans name each other", () => {
  assert.deepEqual(shape([span("late", "gone", "consumer", 50), span("early", "", "server", 10)]), ["early", "late"]);
  assert.deepEqual(shape([span("one", "other", "internal", 1), span("other", "one", "internal", 2)]), []);
  assert.deepEqual(shape([]), []);
});
