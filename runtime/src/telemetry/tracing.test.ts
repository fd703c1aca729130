import assert from "node:assert/strict";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { InMemorySpanExporter } from "@opentelemetry/sdk-trace";
import { test } from "vitest";
import { traceparent } from "./telemetry.ts";
import { contextOf, Tracing } from "./tracing.ts";

function tracingOf(tracesPerSecond: number) {
  let now = 0;
  const exporter = new InMemorySpanExporter();
  const resource = resourceFromAttributes({ "service.name": "test" });
  const tracing = new Tracing({ resource, exporter, tracesPerSecond, now: () => now });
  return {
    start: (name: string, parent?: string) => tracing.startSpan(name, SpanKind.SERVER, parent),
    tracing,
    pass: (ms: number) => {
      now += ms;
    },
    exported: async () => {
      await tracing.flush();
      return exporter.getFinishedSpans();
    },
  };
}

test("exports two seconds' worth of traces at once, then as many a second as it may", async () => {
  const { start, pass, exported } = tracingOf(5);
  for (let count = 0; count < 100; count += 1) start("read").end();
  assert.equal((await exported()).length, 10);
  pass(1_000);
  for (let count = 0; count < 100; count += 1) start("read").end();
  assert.equal((await exported()).length, 15);
});

test("exports every span that failed, as the SDK would have, whatever the sampler said", async () => {
  const { start, exported } = tracingOf(0);
  const above = start("request");
  const failed = start("order", traceparent(above));
  failed.setAttribute("rpc.response.status_code", "UNAVAILABLE");
  failed.setStatus({ code: SpanStatusCode.ERROR, message: "UNAVAILABLE" });
  failed.end();
  start("order").end();
  const [span, ...others] = await exported();
  assert.ok(span);
  assert.deepEqual(others, []);
  assert.equal(failed.spanContext().traceFlags, 0, "who is called next must not take it for sampled");
  assert.deepEqual(span.spanContext(), { ...failed.spanContext(), traceFlags: 1 });
  assert.equal(span.spanContext().traceId, above.spanContext().traceId);
  assert.equal(span.parentSpanContext?.spanId, above.spanContext().spanId);
  assert.deepEqual(
    [span.name, span.kind, span.status, span.attributes, span.resource.attributes["service.name"]],
    [
      "order",
      SpanKind.SERVER,
      { code: SpanStatusCode.ERROR, message: "UNAVAILABLE" },
      { "rpc.response.status_code": "UNAVAILABLE" },
      "test",
    ],
  );
});

test("a trace that is started anew is linked to the caller's, which decides neither on its id nor on its recording", async () => {
  const { tracing, exported } = tracingOf(1);
  const caller = contextOf("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", undefined);
  const begun = Array.from({ length: 4 }, () => tracing.startTrace("request", SpanKind.SERVER, caller));
  begun[3]?.setStatus({ code: SpanStatusCode.ERROR, message: "UNAVAILABLE" });
  for (const span of begun) span.end();
  const spans = await exported();
  assert.equal(spans.length, 3, "two seconds' worth, and what failed");
  assert.equal(new Set([caller?.traceId, ...begun.map((span) => span.spanContext().traceId)]).size, 5);
  for (const { links, parentSpanContext } of spans) {
    assert.equal(parentSpanContext, undefined);
    assert.deepEqual(
      links.map(({ context }) => context.traceId),
      [caller?.traceId],
    );
  }
});

test("exports every span that took long", async () => {
  const { start, pass, exported } = tracingOf(0);
  const slow = start("slow");
  pass(501);
  slow.end();
  const quick = start("quick");
  pass(499);
  quick.end();
  assert.deepEqual(
    (await exported()).map(({ name, duration }) => [name, duration]),
    [["slow", [0, 501_000_000]]],
  );
});

test("a caller's decision wins, and what it cannot read starts a trace", async () => {
  const { start, exported } = tracingOf(1);
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  start("sampled", `00-${trace}-00f067aa0ba902b7-01`).end();
  start("not sampled", `00-${trace}-00f067aa0ba902b7-00`).end();
  start("no parent", "00-what").end();
  const spans = await exported();
  assert.deepEqual(
    spans.map(({ name }) => name),
    ["sampled", "no parent"],
  );
  assert.equal(spans[0]?.spanContext().traceId, trace);
  assert.notEqual(spans[1]?.spanContext().traceId, trace);
});

test("without an exporter spans have ids that travel on", () => {
  const tracing = new Tracing({ resource: resourceFromAttributes({}), exporter: undefined, tracesPerSecond: 10 });
  const above = tracing.startSpan("above", SpanKind.SERVER, undefined);
  const below = tracing.startSpan("below", SpanKind.CLIENT, above);
  assert.match(traceparent(below), new RegExp(`^00-${above.spanContext().traceId}-[0-9a-f]{16}-00$`));
  assert.notEqual(below.spanContext().spanId, above.spanContext().spanId);
  below.end();
});
