import assert from "node:assert/strict";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AggregationTemporality, MeterProvider, MetricReader, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import fc from "fast-check";
import { test } from "vitest";
import { DurationProducer } from "./duration-histogram.ts";

class Reader extends MetricReader {
  protected async onForceFlush() {}
  protected async onShutdown() {}
}

const attributes = (method: string, code: number) => ({ "rpc.method": method, code });
const boundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const seconds = fc.oneof(fc.constantFrom(0, ...boundaries, 60), fc.double({ min: 0, max: 20, noNaN: true }));
const records = fc.array(fc.tuple(seconds, fc.constantFrom("/a", "/b"), fc.constantFrom(0, 5)));

test("says of durations what the SDK's own histogram would say", async () => {
  await fc.assert(
    fc.asyncProperty(records, async (all) => {
      const resource = resourceFromAttributes({});
      const durations = new DurationProducer("shop", resource);
      const ours = durations.histogram("rpc.server.call.duration", "Time", attributes);
      const reader = new Reader({ metricProducers: [durations] });
      const meter = new MeterProvider({ resource, readers: [reader] }).getMeter("sdk");
      const theirs = meter.createHistogram("rpc.server.call.duration", {
        description: "Time",
        unit: "s",
        advice: { explicitBucketBoundaries: boundaries },
      });
      for (const [duration, method, code] of all) {
        ours.record(duration, method, code);
        theirs.record(duration, { "rpc.method": method, code });
      }
      const { resourceMetrics, errors } = await reader.collect();
      assert.deepEqual(errors, []);
      assert.deepEqual(described(resourceMetrics, "shop"), described(resourceMetrics, "sdk"));
    }),
    { numRuns: 50 },
  );
});

test("counts on from one reading to the next", async () => {
  const durations = new DurationProducer("shop", resourceFromAttributes({}));
  const histogram = durations.histogram("rpc.server.call.duration", "Time", attributes);
  for (const count of [1, 2]) {
    histogram.record(0.02, "/a", 0);
    const { resourceMetrics } = await durations.collect();
    const [metric] = resourceMetrics.scopeMetrics[0]?.metrics ?? [];
    assert.equal(metric?.aggregationTemporality, AggregationTemporality.CUMULATIVE);
    assert.partialDeepStrictEqual(metric?.dataPoints[0]?.value, { count });
  }
});

/** A scope's metrics without the times, which differ; the points in an order of their own. */
function described({ scopeMetrics }: ResourceMetrics, scope: string) {
  const metrics = scopeMetrics.find((one) => one.scope.name === scope)?.metrics ?? [];
  return metrics.map(({ dataPoints, ...metric }) => ({
    ...metric,
    descriptor: { ...metric.descriptor, advice: undefined, type: undefined },
    points: dataPoints
      .map(({ attributes, value }) => ({ attributes, value }))
      .sort((a, b) => JSON.stringify(a.attributes).localeCompare(JSON.stringify(b.attributes))),
  }));
}
