import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { test } from "vitest";
import { startTelemetry } from "./telemetry.ts";

/** A line of /metrics: its name, its labels without the exporter's own, and its value. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

async function samplesOf(telemetry: ReturnType<typeof startTelemetry>): Promise<Sample[]> {
  const text = await telemetry.metricsText();
  return text.split("\n").flatMap((line) => {
    const [, name = "", inside = "", value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (value === undefined) return [];
    const labels = [...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = "", of = ""]) => [label, of] as const);
    return {
      name,
      value: Number(value),
      labels: Object.fromEntries(labels.filter(([label]) => !/^otel_/.test(label))),
    };
  });
}

const start = () => startTelemetry({ name: "test", version: "v1", instance: "test-v1-1", endpoint: undefined });

test("shows calls by OpenTelemetry's names for RPCs, with the unit that Prometheus wants (semantic conventions, RPC metrics)", async () => {
  const telemetry = start();
  telemetry.serverDuration.record(0.02, "/shop.orders.v1.OrderService/GetOrder", status.NOT_FOUND);
  telemetry.clientDuration.record(0.02, "/shop.orders.v1.OrderService/GetOrder", status.OK);
  const samples = await samplesOf(telemetry);
  for (const [side, code] of [
    ["server", "NOT_FOUND"],
    ["client", "OK"],
  ]) {
    const count = samples.find(({ name }) => name === `rpc_${side}_call_duration_seconds_count`);
    const method = { rpc_system_name: "grpc", rpc_method: "shop.orders.v1.OrderService/GetOrder" };
    assert.deepEqual(count?.labels, { ...method, rpc_response_status_code: code });
    assert.equal(count?.value, 1);
  }
});

test("shows requests by OpenTelemetry's names for HTTP (semantic conventions, HTTP metrics)", async () => {
  const telemetry = start();
  telemetry.requestDuration.record(0.02, "GET /v1/orders/{id}", 200);
  telemetry.requestDuration.record(0.02, "/shop.orders.v1.OrderService/GetOrder", 200);
  const counts = (await samplesOf(telemetry)).filter(
    ({ name }) => name === "http_server_request_duration_seconds_count",
  );
  const http_response_status_code = "200";
  assert.deepEqual(
    counts.map(({ labels }) => labels),
    [
      { http_request_method: "GET", http_route: "/v1/orders/{id}", http_response_status_code },
      { http_route: "/shop.orders.v1.OrderService/GetOrder", http_response_status_code },
    ],
  );
});

test("gives a gauge the unit that it was made with, and none to one that only says what it counts", async () => {
  const telemetry = start();
  telemetry.meter.createObservableGauge("queue.oldest", { unit: "s" }).addCallback((gauge) => gauge.observe(3));
  telemetry.meter.createObservableGauge("queue.size", { unit: "By" }).addCallback((gauge) => gauge.observe(4));
  telemetry.meter.createObservableGauge("queue.length", { unit: "{event}" }).addCallback((gauge) => gauge.observe(5));
  const samples = (await samplesOf(telemetry)).filter(({ name }) => name.startsWith("queue_"));
  assert.deepEqual(
    samples.map(({ name, value }) => [name, value]),
    [
      ["queue_oldest_seconds", 3],
      ["queue_size_bytes", 4],
      ["queue_length", 5],
    ],
  );
});

test("refuses a unit that has no word here, and names the metric", async () => {
  const telemetry = start();
  telemetry.meter.createObservableGauge("queue.heat", { unit: "Cel" }).addCallback((gauge) => gauge.observe(1));
  await assert.rejects(telemetry.metricsText(), /Cannot show queue\.heat: .* the unit "Cel" is not known here/);
});
