/** Spans and metrics: OpenTelemetry, exported over OTLP where an endpoint is configured, metrics always at /metrics. */
import { status } from "@grpc/grpc-js";
import { type SpanContext, SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { DurationProducer } from "./duration-histogram.ts";
import { showProcess } from "./process-metrics.ts";
import { namedForPrometheus } from "./prometheus-metrics.ts";
import { contextOf, Tracing } from "./tracing.ts";
import type { CallSpan } from "./unsampled-span.ts";

/** Prometheus waits 10 s for an answer. */
const COLLECT_MS = 5_000;

/** How a process is named in spans and metrics, and where they go. */
export interface TelemetryOptions {
  readonly name: string;
  readonly version: string;
  readonly instance: string;
  /** Base URL of an OTLP/HTTP receiver; without one nothing is exported. */
  readonly endpoint: string | undefined;
  /** Traces that start here to export each second, default 10; what fails or takes long is exported anyway. */
  readonly tracesPerSecond?: number;
}

/** The telemetry of one process. */
export type Telemetry = ReturnType<typeof startTelemetry>;

/** Starts spans and metrics. */
export function startTelemetry(options: TelemetryOptions) {
  const { endpoint, tracesPerSecond = 10 } = options;
  const resource = resourceFromAttributes({
    "service.namespace": "shop",
    "service.name": options.name,
    "service.version": options.version,
    "service.instance.id": options.instance,
  });
  const exporter = endpoint ? new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }) : undefined;
  const tracing = new Tracing({ resource, exporter, tracesPerSecond });
  const durations = new DurationProducer("shop", resource);
  const prometheus = new PrometheusExporter({ preventServerStart: true, metricProducers: [durations] });
  const serializer = new PrometheusSerializer();
  const otlp = endpoint
    ? [
        new PeriodicExportingMetricReader({
          exporter: new OTLPMetricExporter({ url: `${endpoint}/v1/metrics` }),
          exportIntervalMillis: 10_000,
          metricProducers: [durations],
        }),
      ]
    : [];
  const meters = new MeterProvider({ resource, readers: [prometheus, ...otlp] });
  const meter = meters.getMeter("shop");
  const stopProcessMetrics = showProcess(meter);

  return {
    meter,
    /** Time to answer an RPC, by its path and gRPC status code. */
    serverDuration: durations.histogram("rpc.server.call.duration", "Time to answer an RPC", rpcAttributes),
    /** Time to get an answer to an RPC, by its path and gRPC status code. */
    clientDuration: durations.histogram("rpc.client.call.duration", "Time to get an answer to an RPC", rpcAttributes),
    /** Time to answer an HTTP request, by its route or the RPC it is for, and HTTP status code. */
    requestDuration: durations.histogram("http.server.request.duration", "Time to answer a request", requestAttributes),
    /** Time from an event's publication to the end of its handler, by event and outcome. */
    eventDuration: durations.histogram("messaging.process.duration", "Time to handle an event", eventAttributes),
    /** Starts a span; `parent` is a span, a traceparent header or nothing, `tracestate` the header that came with that. */
    startSpan: (name: string, kind: SpanKind, parent: CallSpan | string | undefined, tracestate?: string): CallSpan =>
      tracing.startSpan(name, kind, parent, tracestate),
    /** Starts a trace, linked to a caller's, of whom nothing is known: it decides neither on the trace's id nor on its recording. */
    startTrace: (name: string, kind: SpanKind, caller: SpanContext | undefined): CallSpan =>
      tracing.startTrace(name, kind, caller),
    /** What Prometheus scrapes, in its text format. */
    async metricsText(): Promise<string> {
      // What cannot be observed in time is left out; the rest is shown.
      const { resourceMetrics } = await prometheus.collect({ timeoutMillis: COLLECT_MS });
      return serializer.serialize(namedForPrometheus(resourceMetrics));
    },
    async stop(): Promise<void> {
      stopProcessMetrics();
      await Promise.allSettled([tracing.shutdown(), meters.shutdown()]);
    },
  };
}

/** By OpenTelemetry's conventions for RPCs; the method without the slash that its path begins with. */
const rpcAttributes = (path: string, code: status) => ({
  "rpc.system.name": "grpc",
  "rpc.method": path.slice(1),
  "rpc.response.status_code": status[code],
});

/** By its conventions for HTTP. A route is "GET /v1/orders/{id}"; an RPC's path, which is one too, comes without a method. */
function requestAttributes(request: string, code: number) {
  const [route = "", method] = request.split(" ").toReversed();
  return { ...(method && { "http.request.method": method }), "http.route": route, "http.response.status_code": code };
}

const eventAttributes = (event: string, outcome: string) => ({ "messaging.system": "nats", event, outcome });

/** The W3C traceparent header that continues this span elsewhere. */
export function traceparent(span: CallSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags & TraceFlags.SAMPLED ? "01" : "00"}`;
}

/** The W3C tracestate header that goes with `traceparent`: what other tracing systems noted; empty for nothing. */
export function tracestate(span: CallSpan): string {
  return span.spanContext().traceState?.serialize() ?? "";
}

/**
 * Gives a call's span its status. A refusal is an answer and no failure: those codes that are the callee's fault count, as
 * OpenTelemetry's conventions for gRPC servers say. `reason` must not be personal.
 */
export function endCallSpan(span: CallSpan, code: status, reason: string): void {
  span.setAttribute("rpc.response.status_code", status[code]);
  if (FAULTS.has(code)) span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
  span.end();
}

const FAULTS: ReadonlySet<status> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

export { type CallSpan, contextOf, SpanKind };
