import assert from "node:assert/strict";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ExportTraceServiceRequestSchema } from "@row/gen/es/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { AnyValueSchema } from "@row/gen/es/opentelemetry/proto/common/v1/common_pb.ts";
import { Status_StatusCode } from "@row/gen/es/opentelemetry/proto/trace/v1/trace_pb.ts";
import { test } from "vitest";
import { spansFromProtobuf } from "./otlp-protobuf.ts";

type Value = NonNullable<MessageInitShape<typeof AnyValueSchema>["value"]>;

const pair = (key: string, value: Value) => ({ key, value: { value } });
const text = (key: string, value: string) => pair(key, { case: "stringValue", value });
const traceId = new Uint8Array(16).fill(0xab);
const spanId = new Uint8Array(8).fill(0x01);

function request(
  span: object,
  resource = [text("service.name", "orders"), text("service.instance.id", "orders-v1-1")],
) {
  const resourceSpans = [{ resource: { attributes: resource }, scopeSpans: [{ spans: [span] }] }];
  return toBinary(ExportTraceServiceRequestSchema, create(ExportTraceServiceRequestSchema, { resourceSpans }));
}

test("reads a span with all that is shown of it", () => {
  const [span] = spansFromProtobuf(
    request({
      traceId,
      spanId,
      name: "PlaceOrder",
      kind: 2,
      startTimeUnixNano: 1_780_000_000_000_001_999n,
      endTimeUnixNano: 1_780_000_000_001_002_000n,
      status: { code: Status_StatusCode.ERROR, message: "no stock" },
      attributes: [
        text("a", "text"),
        pair("b", { case: "boolValue", value: false }),
        pair("c", { case: "intValue", value: -7n }),
        pair("d", { case: "doubleValue", value: 0.5 }),
        pair("list", { case: "arrayValue", value: { values: [] } }),
        { key: "nothing" },
      ],
    }),
  );
  assert.deepEqual(span, {
    traceId: "ab".repeat(16),
    id: "01".repeat(8),
    parent: "",
    name: "PlaceOrder",
    kind: "server",
    service: "orders",
    instance: "orders-v1-1",
    startUs: 1_780_000_000_000_001,
    durationUs: 1_001,
    failed: true,
    status: "no stock",
    attributes: { a: "text", b: false, c: -7, d: 0.5 },
  });
});

test("takes fields of a later version, and a kind that it does not know", () => {
  const later = Buffer.from([0xfa, 0x01, 0x02, 0x08, 0x01]);
  const [span] = spansFromProtobuf(Buffer.concat([request({ traceId, spanId, kind: 9 }, []), later]));
  assert.equal(span?.kind, "unspecified");
  assert.equal(span?.service, "");
});

test("refuses a span without its ids, and what is no message", () => {
  assert.throws(() => spansFromProtobuf(request({ traceId })), /a span has no trace id or no span id/);
  assert.throws(() => spansFromProtobuf(request({ traceId, spanId }).subarray(0, -3)));
});
