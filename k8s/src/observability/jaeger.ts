import { stringify } from "yaml";
import { ownMetrics } from "./collector.ts";
import { IMAGES } from "./images.ts";
import { here } from "./namespace.ts";
import type { Part } from "./part.ts";

const USER = 10_001;
/** In memory, so there is an end to them. */
const MOST_TRACES = 10_000;

const CONFIGURATION = {
  extensions: {
    healthcheckv2: { use_v2: true, http: { endpoint: "0.0.0.0:13133" } },
    jaeger_storage: { backends: { memory: { memory: { max_traces: MOST_TRACES } } } },
    jaeger_query: {
      storage: { traces: "memory" },
      http: { endpoint: "0.0.0.0:16686" },
      grpc: { endpoint: "127.0.0.1:16685" },
    },
  },
  receivers: { otlp: { protocols: { grpc: { endpoint: "0.0.0.0:4317" } } } },
  processors: { batch: {} },
  exporters: { jaeger_storage_exporter: { trace_storage: "memory" } },
  service: {
    extensions: ["jaeger_storage", "jaeger_query", "healthcheckv2"],
    pipelines: { traces: { receivers: ["otlp"], processors: ["batch"], exporters: ["jaeger_storage_exporter"] } },
    telemetry: { resource: { "service.name": "jaeger" }, ...ownMetrics(8888) },
  },
};

/** Shows traces; those that the collector kept. */
export const JAEGER: Part = {
  name: "jaeger",
  version: "2.20",
  source: "jaeger.ts",
  kind: "Deployment",
  image: IMAGES.jaeger,
  user: USER,
  args: ["--config=/etc/jaeger/jaeger.yaml"],
  ports: [
    { name: "http", port: 16_686, protocol: "HTTP/1", callers: [here("grafana")] },
    { name: "otlp-grpc", port: 4317, protocol: "gRPC", callers: [here("otel-collector")] },
    { name: "metrics", port: 8888, protocol: "HTTP/1", callers: [here("prometheus")] },
  ],
  health: { port: "health", containerPort: 13_133, ready: "/status", live: "/status" },
  files: { "jaeger.yaml": stringify(CONFIGURATION) },
  filesAt: "/etc/jaeger",
  data: { path: "/data", sizeLimit: "64Mi" },
  resources: { cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" },
};
