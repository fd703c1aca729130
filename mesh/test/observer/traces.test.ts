import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { SpanKind, startTelemetry, traceparent } from "@row/runtime/telemetry/telemetry.ts";
import { afterAll, beforeAll, test } from "vitest";
import type { Trace, TraceLists } from "../../src/observer/traces/trace.ts";
import { eventually, type Observer, startObserver } from "./observer-process.ts";

let observer: Observer;
beforeAll(async () => {
  observer = await startObserver();
});
afterAll(async () => {
  await observer.stop();
  await observer.remove();
});

const nanos = (ms: number) => String(BigInt(ms) * 1_000_000n);
const hex = (bytes: number) => randomBytes(bytes).toString("hex");

function batch(traceId: string, { service = "orders", name = "PlaceOrder", ms = 20, code = 1, spanId = hex(8) } = {}) {
  const start = Date.now() - 5_000;
  const span = {
    traceId,
    spanId,
    name,
    kind: 2,
    startTimeUnixNano: nanos(start),
    endTimeUnixNano: nanos(start + ms),
    attributes: [{ key: "rpc.grpc.status_code", value: { intValue: 0 } }],
    status: { code, message: code === 2 ? "no stock" : undefined },
  };
  const resource = { attributes: [{ key: "service.name", value: { stringValue: service } }] };
  return { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] };
}

function post(body: string | Uint8Array, headers: Record<string, string> = {}, path = "/v1/traces"): Promise<Response> {
  return fetch(observer.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
}

async function find(id: string): Promise<Trace | undefined> {
  const response = await fetch(`${observer.url}/traces/${id}`);
  return response.ok ? ((await response.json()) as Trace) : undefined;
}

const lists = async () => JSON.parse(await observer.get("/traces")) as TraceLists;

test("keeps the spans that the services' own exporter sends, with the hops of sidecars between them", async () => {
  const options = { version: "v1", endpoint: observer.url };
  const orders = startTelemetry({ ...options, name: "orders", instance: "orders-v1-1" });
  const catalog = startTelemetry({ ...options, name: "catalog", instance: "catalog-v1-1" });
  const client = orders.startSpan("GetProduct", SpanKind.CLIENT, undefined);
  const parent = traceparent(client);
  const startUs = Date.now() * 1_000;
  const server = catalog.startSpan("GetProduct", SpanKind.SERVER, parent);
  server.end();
  client.end();
  const path = "/shop.catalog.v1.CatalogService/GetProduct";
  await observer.send(
    `I|catalog-v1-1|orders.shop|in:grpc|catalog-for-orders|allow|catalog-for-orders|200|-|40|--|${path}|${parent}|${startUs + 20}`,
    `O|orders-v1-1|catalog:catalog-fast:0:catalog-v1|catalog-v1-1|200|-|80|0|--|${path}|${parent}|${startUs}`,
    `O|orders-v1-1|catalog:catalog-fast:0:catalog-v1|catalog-v1-1|200|-|80|0|--|${path}|${parent.slice(0, -1)}0|${startUs}`,
  );
  await Promise.all([orders.stop(), catalog.stop()]);
  const id = parent.split("-")[1] ?? "";
  await eventually(async () => (await lists()).recent.some((trace) => trace.id === id && trace.spans === 4));
  const trace = await find(id.slice(0, 12));
  assert.deepEqual(
    trace?.spans.map(({ depth, kind, service, name }) => [depth, kind, service, name]),
    [
      [0, "client", "orders", "GetProduct"],
      [1, "outbound", "orders", "to catalog-v1-1 by catalog-fast"],
      [2, "inbound", "catalog", "from orders.shop by catalog-for-orders"],
      [3, "server", "catalog", "GetProduct"],
    ],
  );
});

test("bit 0 of the flags says that a trace is recorded, whatever the other bits are (W3C Trace Context, section 3.2.2.5)", async () => {
  const path = "/shop.catalog.v1.CatalogService/GetProduct";
  const line = (traceparent: string) =>
    `O|orders-v1-1|catalog:catalog-fast:0:catalog-v1|catalog-v1-1|200|-|80|0|--|${path}|${traceparent}|${Date.now() * 1_000}`;
  const of = (flags: string, version = "00") => ({ id: hex(16), flags, version });
  const sampled = [of("01"), of("03"), of("ff"), of("0b"), of("03-more", "01")];
  const others = [of("00"), of("02"), of("fe"), of("0a"), of("0g"), of("01", "ff"), of("01-more", "00")];
  await observer.send(
    ...[...others, ...sampled].map(({ id, flags, version }) => line(`${version}-${id}-${hex(8)}-${flags}`)),
  );
  for (const { id } of sampled) await eventually(async () => (await find(id)) !== undefined);
  for (const { id, flags, version } of others) assert.equal(await find(id), undefined, `${version}-…-${flags}`);
});

test("takes protobuf and gzip as well", async () => {
  const [zipped, binary] = [hex(16), hex(16)];
  const json = await post(gzipSync(JSON.stringify(batch(zipped, { code: 2 }))), { "content-encoding": "gzip" });
  assert.deepEqual([json.status, await json.json()], [200, {}]);
  const span = new BinaryWriter();
  span.tag(1, WireType.LengthDelimited).bytes(Buffer.from(binary, "hex"));
  span.tag(2, WireType.LengthDelimited).bytes(randomBytes(8));
  span.tag(5, WireType.LengthDelimited).string("Charge");
  span.tag(6, WireType.Varint).int32(3);
  span.tag(7, WireType.Bit64).fixed64(1_763_710_000_000_000_000n);
  span.tag(8, WireType.Bit64).fixed64(1_763_710_000_250_000_000n);
  const count = new BinaryWriter().tag(1, WireType.LengthDelimited).string("tries");
  count.tag(2, WireType.LengthDelimited).bytes(new BinaryWriter().tag(3, WireType.Varint).int64(3).finish());
  span.tag(9, WireType.LengthDelimited).bytes(count.finish());
  const status = new BinaryWriter()
    .tag(2, WireType.LengthDelimited)
    .string("declined")
    .tag(3, WireType.Varint)
    .int32(2);
  span.tag(15, WireType.LengthDelimited).bytes(status.finish());
  const name = new BinaryWriter().tag(1, WireType.LengthDelimited).string("service.name");
  name
    .tag(2, WireType.LengthDelimited)
    .bytes(new BinaryWriter().tag(1, WireType.LengthDelimited).string("payments").finish());
  const resource = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(name.finish()).finish();
  const scope = new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(span.finish()).finish();
  const spans = new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(scope);
  spans.tag(1, WireType.LengthDelimited).bytes(resource);
  const body = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(spans.finish()).finish();
  const protobuf = await post(body, { "content-type": "application/x-protobuf" });
  assert.deepEqual([protobuf.status, await protobuf.text()], [200, ""]);
  const trace = await find(binary);
  const [charge] = trace?.spans ?? [];
  assert.deepEqual(
    [
      charge?.service,
      charge?.name,
      charge?.kind,
      charge?.durationUs,
      charge?.status,
      charge?.attributes,
      trace?.startTime,
    ],
    ["payments", "Charge", "client", 250_000, "declined", { tries: 3 }, "2025-11-21T07:26:40.000Z"],
  );
  assert.equal((await find(zipped))?.spans[0]?.status, "no stock");
});

test("refuses what is no batch of spans, with the reason", async () => {
  const bad = async (body: string | Uint8Array, headers?: Record<string, string>) => {
    const response = await post(body, headers);
    return `${response.status} ${((await response.json()) as { message: string }).message}`;
  };
  const protobuf = { "content-type": "application/x-protobuf" };
  assert.match(await bad("{"), /^400 Cannot take the spans: the body is not JSON/);
  assert.equal(await bad("[]"), "400 Cannot take the spans: the body is not an object");
  assert.equal(await bad('{"resourceSpans":3}'), "400 Cannot take the spans: resourceSpans is not a list");
  const traceId = JSON.stringify(batch("xyz"));
  assert.equal(await bad(traceId), "400 Cannot take the spans: traceId is not 32 hexadecimal digits");
  assert.match(await bad(randomBytes(100).fill(0xff), protobuf), /^400 Cannot take the spans: /);
  assert.match(await bad(Uint8Array.from([10, 4, 18, 2, 18, 0]), protobuf), /^400 .*a span has no trace id/);
  assert.equal(await bad("x", { "content-encoding": "gzip" }), "400 Cannot take the spans: the body is not gzip");
  assert.match(await bad("x", { "content-encoding": "br" }), /^415 .*content-encoding br: send gzip or none/);
  assert.match(await bad("x", { "content-type": "text/plain" }), /^415 .*text\/plain: send application\/json/);
  assert.match(await bad(Buffer.alloc(5 * 1024 * 1024)), /^413 Cannot take the spans: more than 4194304 bytes/);
  const bomb = gzipSync(Buffer.alloc(5 * 1024 * 1024));
  assert.match(await bad(bomb, { "content-encoding": "gzip" }), /^413 .*when unpacked/);
});

test("takes metrics and drops them", async () => {
  const response = await post("{}", {}, "/v1/metrics");
  assert.deepEqual([response.status, await response.json()], [200, {}]);
});

let forgotten = "";

test("keeps all failed traces of a busy shop and some of the others, and forgets the rest", async () => {
  const failed = Array.from({ length: 50 }, () => hex(16));
  const passed = Array.from({ length: 400 }, () => hex(16));
  const slowest = hex(16);
  for (const id of passed) await post(JSON.stringify(batch(id, { name: "Busy" })));
  for (const id of failed) await post(JSON.stringify(batch(id, { name: "Busy", code: 2 })));
  await post(JSON.stringify(batch(slowest, { name: "Busy", ms: 4_000 })));
  await eventually(async () => (await lists()).slowest[0]?.id === slowest);
  assert.deepEqual(await Promise.all(failed.map(async (id) => (await find(id))?.spans.length)), Array(50).fill(1));
  const found = await Promise.all(passed.map(find));
  const kept = found.filter(Boolean).length;
  assert.ok(kept > 0 && kept < 60, `${kept} kept`);
  forgotten = passed[found.indexOf(undefined)] ?? "";
  const answer = await fetch(`${observer.url}/traces/${forgotten}`);
  assert.equal(answer.status, 404);
  assert.match(await answer.text(), /Cannot show trace/);
});

test("adds spans that come late to a trace that is kept, and not to one that is not", async () => {
  const failed = (await lists()).failed[0]?.id ?? "";
  assert.notEqual(forgotten, "");
  for (const id of [forgotten, failed]) await post(JSON.stringify(batch(id, { service: "shipping", name: "late" })));
  await eventually(async () => (await lists()).failed.some(({ id, spans }) => id === failed && spans === 2));
  assert.equal(await find(forgotten), undefined);
});
