/** Spans and metrics: OpenTelemetry, exported over OTLP where an endpoint is configured, metrics always at /metrics. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { status } from "@grpc/grpc-js";
import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { AlwaysOffSampler, BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { NotableSpans, traceSampler } from "./trace-sampling.ts";

const LATENCY_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

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
  const resource = resourceFromAttributes({
    "service.namespace": "shop",
    "service.name": options.name,
    "service.version": options.version,
    "service.instance.id": options.instance,
  });
  const tracers = new TracerProvider({
    resource,
    // Without a receiver spans carry ids for the logs and are not recorded.
    sampler: options.endpoint ? traceSampler(options.tracesPerSecond ?? 10) : new AlwaysOffSampler(),
    spanProcessors: options.endpoint
      ? [
          new NotableSpans(
            new BatchSpanProcessor({
              exporter: new OTLPTraceExporter({ url: `${options.endpoint}/v1/traces` }),
              scheduledDelayMillis: 1_000,
            }),
          ),
        ]
      : [],
  });
  const prometheus = new PrometheusExporter({ preventServerStart: true });
  const otlp = options.endpoint
    ? [
        new PeriodicExportingMetricReader({
          exporter: new OTLPMetricExporter({ url: `${options.endpoint}/v1/metrics` }),
          exportIntervalMillis: 10_000,
        }),
      ]
    : [];
  const meters = new MeterProvider({ resource, readers: [prometheus, ...otlp] });
  const meter = meters.getMeter("shop");
  const tracer = tracers.getTracer("shop");
  const durations = (name: string, description: string) =>
    meter.createHistogram(name, {
      description,
      unit: "s",
      advice: { explicitBucketBoundaries: LATENCY_BUCKETS_SECONDS },
    });

  return {
    meter,
    /** Time to answer an RPC. Attributes: rpc.method (path), rpc.grpc.status_code. */
    serverDuration: durations("rpc.server.duration", "Time to answer an RPC"),
    /** Time to get an answer to an RPC. Attributes: rpc.method (path), rpc.grpc.status_code. */
    clientDuration: durations("rpc.client.duration", "Time to get an answer to an RPC"),
    /** Time from an event's publication to the end of its handler. Attributes: event, outcome. */
    eventDuration: durations("messaging.process.duration", "Time to handle an event"),
    /** Starts a span; `parent` is a span, a traceparent header or nothing. */
    startSpan(name: string, kind: SpanKind, parent: Span | string | undefined): Span {
      return tracer.startSpan(name, { kind }, parentContext(parent));
    },
    handleMetricsRequest(request: IncomingMessage, response: ServerResponse): void {
      prometheus.getMetricsRequestHandler(request, response);
    },
    async stop(): Promise<void> {
      await Promise.allSettled([tracers.shutdown(), meters.shutdown()]);
    },
  };
}

function parentContext(parent: Span | string | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  if (typeof parent !== "string") return trace.setSpan(ROOT_CONTEXT, parent);
  const remote = parseTraceParent(parent);
  return remote ? trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true }) : ROOT_CONTEXT;
}

/** The W3C traceparent header that continues this span elsewhere. */
export function traceparent(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags & TraceFlags.SAMPLED ? "01" : "00"}`;
}

/**
 * Gives a call's span its status. A refusal is an answer and no failure: those codes that are the callee's fault count, as
 * OpenTelemetry's conventions for gRPC servers say. `reason` must not be personal.
 */
export function endCallSpan(span: Span, code: status, reason: string): void {
  span.setAttribute("rpc.grpc.status_code", code);
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

export { SpanKind };
