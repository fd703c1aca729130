import { stringify } from "yaml";
import { IMAGES } from "./images.ts";
import { here } from "./namespace.ts";
import type { Part } from "./part.ts";

const USER = 10_001;

const CONFIGURATION = {
  auth_enabled: false,
  server: { http_listen_port: 3100, log_level: "warn" },
  // One process: it calls itself over loopback, past its sidecar.
  common: {
    instance_addr: "127.0.0.1",
    path_prefix: "/data",
    replication_factor: 1,
    ring: { kvstore: { store: "inmemory" } },
    storage: { filesystem: { chunks_directory: "/data/chunks", rules_directory: "/data/rules" } },
  },
  schema_config: {
    configs: [
      {
        from: "2026-01-01",
        store: "tsdb",
        object_store: "filesystem",
        schema: "v13",
        index: { prefix: "index_", period: "24h" },
      },
    ],
  },
  limits_config: { retention_period: "48h", allow_structured_metadata: true, volume_enabled: true },
  compactor: { working_directory: "/data/compactor", retention_enabled: true, delete_request_store: "filesystem" },
  analytics: { reporting_enabled: false },
};

/** Keeps two days of logs. */
export const LOKI: Part = {
  name: "loki",
  version: "3.7",
  source: "loki.ts",
  kind: "Deployment",
  image: IMAGES.loki,
  user: USER,
  args: ["-config.file=/etc/loki/loki.yaml"],
  ports: [{ name: "http", port: 3100, protocol: "HTTP/1", callers: [here("logs"), here("grafana")] }],
  health: { port: "http", containerPort: 3100, ready: "/ready", live: "/loki/api/v1/status/buildinfo" },
  files: { "loki.yaml": stringify(CONFIGURATION) },
  filesAt: "/etc/loki",
  data: { path: "/data", sizeLimit: "2Gi" },
  resources: { cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" },
};
