import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { IConfigMap } from "kubernetes-models/v1";
import { stringify } from "yaml";
import { IMAGES } from "./images.ts";
import { metadata } from "./namespace.ts";
import { aboutPart, digest, type Part } from "./part.ts";

const USER = 472;
const DASHBOARDS = "grafana-dashboards";
const DASHBOARDS_AT = "/etc/dashboards";

const DATA_SOURCES = {
  apiVersion: 1,
  datasources: [
    source("prometheus", "Prometheus", "http://prometheus:9090", { isDefault: true }),
    source("loki", "Loki", "http://loki:3100", {
      jsonData: {
        derivedFields: [
          { name: "trace", matcherRegex: '"traceId":"(\\w+)"', url: "$${__value.raw}", datasourceUid: "jaeger" },
        ],
      },
    }),
    source("jaeger", "Jaeger", "http://jaeger:16686", {}),
  ],
};

function source(type: string, name: string, url: string, more: object) {
  return { name, uid: type, type, access: "proxy", url, editable: false, ...more };
}

const PROVIDERS = {
  apiVersion: 1,
  providers: [{ name: "shop", folder: "Canary Row", type: "file", options: { path: DASHBOARDS_AT } }],
};

/** What k8s/dashboards holds, for Grafana to read. */
export function dashboards(root: string): IConfigMap {
  const about = aboutPart({ name: "grafana", version: "12.4", source: "grafana.ts" });
  return { apiVersion: "v1", kind: "ConfigMap", metadata: metadata(DASHBOARDS, about), data: dashboardFiles(root) };
}

function dashboardFiles(root: string): Record<string, string> {
  const folder = join(root, "k8s/dashboards");
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

/**
 * Shows all of it. Nobody signs in, and there is no administrator whose password could be guessed: only who may forward a port
 * of this namespace gets here at all.
 */
export function grafana(root: string): Part {
  return {
    name: "grafana",
    version: "12.4",
    source: "grafana.ts",
    kind: "Deployment",
    image: IMAGES.grafana,
    user: USER,
    env: {
      GF_AUTH_ANONYMOUS_ENABLED: "true",
      // May explore; what it changes of the dashboards is not kept.
      GF_AUTH_ANONYMOUS_ORG_ROLE: "Editor",
      GF_AUTH_BASIC_ENABLED: "false",
      GF_AUTH_DISABLE_LOGIN_FORM: "true",
      GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: "true",
      // It asks nobody outside for anything.
      GF_ANALYTICS_REPORTING_ENABLED: "false",
      GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: "false",
      GF_NEWS_NEWS_FEED_ENABLED: "false",
      GF_PLUGINS_PREINSTALL_DISABLED: "true",
      GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: `${DASHBOARDS_AT}/call-graph.json`,
    },
    ports: [{ name: "http", port: 3000, protocol: "HTTP/1", callers: [] }],
    health: { port: "http", containerPort: 3000, ready: "/api/health", live: "/api/health" },
    // The dashboards' digest is here so that other dashboards are another start, as with any other configuration.
    files: {
      "datasources.yaml": stringify(DATA_SOURCES),
      "dashboards.yaml": `# ${digest(dashboardFiles(root))}\n${stringify(PROVIDERS)}`,
    },
    data: { path: "/var/lib/grafana", sizeLimit: "256Mi" },
    resources: { cpu: "50m", memory: "128Mi", memoryLimit: "512Mi" },
    mounts: [
      { name: DASHBOARDS, mountPath: DASHBOARDS_AT, readOnly: true, volume: configMap(DASHBOARDS, DASHBOARDS) },
      provisioned("datasources"),
      provisioned("dashboards"),
    ],
  };
}

// Grafana looks for each kind in a folder of its own.
function provisioned(kind: "datasources" | "dashboards") {
  const file = `${kind}.yaml`;
  const volume = { name: kind, configMap: { name: "grafana", items: [{ key: file, path: file }] } };
  return { name: kind, mountPath: `/etc/grafana/provisioning/${kind}`, readOnly: true, volume };
}

function configMap(name: string, of: string) {
  return { name, configMap: { name: of } };
}
