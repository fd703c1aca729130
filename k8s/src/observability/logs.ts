import { stringify } from "yaml";
import { ownMetrics } from "./collector.ts";
import { IMAGES } from "./images.ts";
import { here, NAMESPACE } from "./namespace.ts";
import type { Part } from "./part.ts";

const CONFIGURATION = {
  extensions: {
    health_check: { endpoint: "0.0.0.0:13133" },
    // How far it has read; a new pod reads again, and Loki knows lines that it has.
    file_storage: { directory: "/data" },
  },
  receivers: {
    file_log: {
      include: ["/var/log/pods/shop_*/*/*.log"],
      include_file_path: true,
      start_at: "beginning",
      storage: "file_storage",
      // The runtime's own format, and the pod's name from the path.
      operators: [{ type: "container", id: "container" }],
    },
  },
  processors: { memory_limiter: { check_interval: "1s", limit_mib: 150, spike_limit_mib: 32 }, batch: {} },
  exporters: { otlp_http: { endpoint: `http://loki.${NAMESPACE}:3100/otlp` } },
  service: {
    extensions: ["health_check", "file_storage"],
    pipelines: {
      logs: { receivers: ["file_log"], processors: ["memory_limiter", "batch"], exporters: ["otlp_http"] },
    },
    telemetry: ownMetrics(8888),
  },
};

/** On every node: reads what the shop's containers and their sidecars write, and hands it to Loki. */
export const LOGS: Part = {
  name: "logs",
  version: "0.158",
  source: "logs.ts",
  kind: "DaemonSet",
  image: IMAGES.collector,
  // The kubelet's files are for root alone; no capability comes with it, and what it sees of the node is read-only.
  user: 0,
  args: ["--config=/etc/otel/logs.yaml"],
  ports: [{ name: "metrics", port: 8888, protocol: "HTTP/1", callers: [here("prometheus")] }],
  health: { port: "health", containerPort: 13_133, ready: "/", live: "/" },
  files: { "logs.yaml": stringify(CONFIGURATION) },
  filesAt: "/etc/otel",
  data: { path: "/data", sizeLimit: "64Mi" },
  resources: { cpu: "20m", memory: "64Mi", memoryLimit: "256Mi" },
  mounts: [
    {
      name: "pods",
      mountPath: "/var/log/pods",
      readOnly: true,
      volume: { name: "pods", hostPath: { path: "/var/log/pods" } },
    },
  ],
  pod: {
    securityContext: { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: "RuntimeDefault" } },
    tolerations: [{ operator: "Exists", effect: "NoSchedule" }],
  },
};
