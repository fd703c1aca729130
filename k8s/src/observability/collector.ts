import { NAMESPACE as SHOP } from "@row/runtime/names.ts";
import type { IConfigMap } from "kubernetes-models/v1";
import { stringify } from "yaml";
import { IMAGES } from "./images.ts";
import { ANYBODY_HERE, ANYBODY_IN_THE_SHOP, CONTROL_PLANE, here, metadata, NAMESPACE } from "./namespace.ts";
import { aboutPart, type Part } from "./part.ts";

const USER = 10_001;
const OTLP_HTTP = 4318;
const SLOW_MS = 500;
/** A quiet shop shows every trace; of a busy one, whatever failed or was slow, and this much of the rest. */
const SPANS_PER_SECOND = 500;

const CONFIGURATION = {
  extensions: { health_check: { endpoint: "0.0.0.0:13133" } },
  receivers: {
    otlp: { protocols: { grpc: { endpoint: "0.0.0.0:4317" }, http: { endpoint: `0.0.0.0:${OTLP_HTTP}` } } },
  },
  processors: {
    memory_limiter: { check_interval: "1s", limit_mib: 300, spike_limit_mib: 64 },
    tail_sampling: {
      decision_wait: "10s",
      num_traces: 20_000,
      // A saga may go on after the decision: what comes later follows it.
      decision_cache: { sampled_cache_size: 100_000, non_sampled_cache_size: 100_000 },
      policies: [
        { name: "failed", type: "status_code", status_code: { status_codes: ["ERROR"] } },
        { name: "slow", type: "latency", latency: { threshold_ms: SLOW_MS } },
        { name: "some", type: "rate_limiting", rate_limiting: { spans_per_second: SPANS_PER_SECOND } },
      ],
    },
    batch: {},
  },
  exporters: {
    otlp_grpc: { endpoint: `jaeger.${NAMESPACE}:4317`, tls: { insecure: true } },
    // Services send their metrics too, where Prometheus fetches them: that is no error, and nothing is done with them.
    nop: {},
  },
  service: {
    extensions: ["health_check"],
    pipelines: {
      traces: {
        receivers: ["otlp"],
        processors: ["memory_limiter", "tail_sampling", "batch"],
        exporters: ["otlp_grpc"],
      },
      metrics: { receivers: ["otlp"], exporters: ["nop"] },
    },
    telemetry: ownMetrics(8888),
  },
};

/** Its own figures, for Prometheus. */
export function ownMetrics(port: number) {
  return { metrics: { readers: [{ pull: { exporter: { prometheus: { host: "0.0.0.0", port } } } }] } };
}

/** Takes the traces of services and of sidecars, keeps what is worth a look, and hands it to Jaeger. */
export const COLLECTOR: Part = {
  name: "otel-collector",
  version: "0.158",
  source: "collector.ts",
  kind: "Deployment",
  image: IMAGES.collector,
  user: USER,
  args: ["--config=/etc/otel/collector.yaml"],
  ports: [
    { name: "otlp-http", port: OTLP_HTTP, protocol: "HTTP/1", callers: [ANYBODY_IN_THE_SHOP] },
    // Sidecars speak for the pod that they are in.
    { name: "otlp-grpc", port: 4317, protocol: "gRPC", callers: [ANYBODY_IN_THE_SHOP, ANYBODY_HERE, CONTROL_PLANE] },
    { name: "metrics", port: 8888, protocol: "HTTP/1", callers: [here("prometheus")] },
  ],
  health: { port: "health", containerPort: 13_133, ready: "/", live: "/" },
  files: { "collector.yaml": stringify(CONFIGURATION) },
  filesAt: "/etc/otel",
  data: { path: "/data", sizeLimit: "64Mi" },
  resources: { cpu: "50m", memory: "128Mi", memoryLimit: "448Mi" },
};

/** Tells the services where traces go, from their next start on. */
export function telemetryConfigMap(): IConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { ...metadata("telemetry", aboutPart(COLLECTOR)), namespace: SHOP },
    data: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${COLLECTOR.name}.${NAMESPACE}:${OTLP_HTTP}` },
  };
}
