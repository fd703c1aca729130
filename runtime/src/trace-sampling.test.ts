import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanStatusCode } from "@opentelemetry/api";
import { BatchSpanProcessor, InMemorySpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import { NotableSpans, traceSampler } from "./trace-sampling.ts";

function tracing(tracesPerSecond: number) {
  let now = 0;
  const exporter = new InMemorySpanExporter();
  const processor = new NotableSpans(new BatchSpanProcessor({ exporter }));
  const provider = new TracerProvider({
    sampler: traceSampler(tracesPerSecond, () => now),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer("test");
  return {
    tracer,
    pass: (ms: number) => {
      now += ms;
    },
    exported: async () => {
      await processor.forceFlush();
      return exporter.getFinishedSpans();
    },
  };
}

test("exports two seconds' worth of traces at once, then as many a second as it may", async () => {
  const { tracer, pass, exported } = tracing(5);
  for (let count = 0; count < 100; count += 1) tracer.startSpan("read").end();
  assert.equal((await exported()).length, 10);
  pass(1_000);
  for (let count = 0; count < 100; count += 1) tracer.startSpan("read").end();
  assert.equal((await exported()).length, 15);
});

test("exports every span that failed, with its ids, whatever the sampler said", async () => {
  const { tracer, exported } = tracing(0);
  const failed = tracer.startSpan("order").setStatus({ code: SpanStatusCode.ERROR, message: "UNAVAILABLE" });
  failed.end();
  tracer.startSpan("order").end();
  const spans = await exported();
  assert.deepEqual(
    spans.map((span) => [span.name, span.spanContext().spanId, span.status.message]),
    [["order", failed.spanContext().spanId, "UNAVAILABLE"]],
  );
  assert.equal(failed.spanContext().traceFlags, 0, "who is called next must not take it for sampled");
});

test("exports every span that took long", async () => {
  const { tracer, exported } = tracing(0);
  tracer.startSpan("slow", { startTime: 1_000 }).end(1_501);
  tracer.startSpan("quick", { startTime: 1_000 }).end(1_499);
  assert.deepEqual(
    (await exported()).map(({ name }) => name),
    ["slow"],
  );
});
