import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { NAMESPACE as SHOP } from "@row/runtime/names.ts";
import type { IRole, IRoleBinding } from "kubernetes-models/rbac.authorization.k8s.io/v1";
import { stringify } from "yaml";
import { IMAGES } from "./images.ts";
import { here, metadata, NAMESPACE } from "./namespace.ts";
import { aboutPart, type Part } from "./part.ts";
import { type Egress, inNamespace } from "./part-policies.ts";
import { CONFIGURATION } from "./prometheus-configuration.ts";

/** "nobody" */
const USER = 65_534;

/** Fetches figures, keeps them for two days, and watches over the alerts of k8s/alerts. */
export function prometheus(root: string): Part {
  return {
    // By this account the mesh's policy lets it scrape the services: mesh/src/generate/servers.ts.
    name: "prometheus",
    version: "3.14",
    source: "prometheus.ts",
    kind: "Deployment",
    image: IMAGES.prometheus,
    user: USER,
    args: [
      "--config.file=/etc/prometheus/prometheus.yaml",
      "--storage.tsdb.path=/data",
      "--storage.tsdb.retention.time=2d",
      "--storage.tsdb.retention.size=1GB",
    ],
    ports: [{ name: "http", port: 9090, protocol: "HTTP/1", callers: [here("grafana")] }],
    health: { port: "http", containerPort: 9090, ready: "/-/ready", live: "/-/healthy" },
    files: { "prometheus.yaml": stringify(CONFIGURATION), ...alerts(root) },
    filesAt: "/etc/prometheus",
    data: { path: "/data", sizeLimit: "2Gi" },
    resources: { cpu: "100m", memory: "256Mi", memoryLimit: "1Gi" },
    // It asks Kubernetes for the pods there are.
    pod: { automountServiceAccountToken: true },
  };
}

function alerts(root: string): Record<string, string> {
  const folder = join(root, "k8s/alerts");
  const names = readdirSync(folder).filter((name) => name.endsWith(".rules.yaml"));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

/** What it scrapes, and Kubernetes itself, whose address is each cluster's own. */
export const PROMETHEUS_EGRESS: Egress[] = [
  { to: [inNamespace(SHOP), inNamespace(NAMESPACE)] },
  { to: [{ ipBlock: { cidr: "0.0.0.0/0" } }], ports: [{ port: 443 }, { port: 6443 }, { port: 8443 }] },
];

/** It may see the pods of the two namespaces that it watches, and nothing else. */
export function mayListPods(part: Part): (IRole | IRoleBinding)[] {
  const subjects = [{ kind: "ServiceAccount", name: part.name, namespace: NAMESPACE }];
  return [SHOP, NAMESPACE].flatMap((namespace) => [
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { ...metadata("prometheus", aboutPart(part)), namespace },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { ...metadata("prometheus", aboutPart(part)), namespace },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "prometheus" },
      subjects,
    },
  ]);
}
