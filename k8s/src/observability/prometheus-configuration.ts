import { NAMESPACE as SHOP } from "@row/runtime/names.ts";
import { NAMESPACE } from "./namespace.ts";

interface Relabel {
  readonly source_labels?: readonly string[];
  readonly regex?: string;
  readonly action?: "keep" | "drop" | "labelmap" | "labeldrop" | "replace";
  readonly target_label?: string;
  readonly replacement?: string;
}

const POD = "__meta_kubernetes_pod";
const keep = (regex: string, ...source_labels: string[]): Relabel => ({ source_labels, regex, action: "keep" });
const copy = (source: string, target_label: string): Relabel => ({
  source_labels: [source],
  action: "replace",
  target_label,
});

const RUNS = keep("(Pending|Running)", `${POD}_phase`);
const WHERE = [copy("__meta_kubernetes_namespace", "namespace"), copy(`${POD}_name`, "pod")];

/** What services say of themselves, through the mesh: it knows Prometheus by its identity. */
const SERVICES = {
  job_name: "shop",
  kubernetes_sd_configs: podsIn(SHOP),
  relabel_configs: [
    RUNS,
    keep("admin", `${POD}_container_port_name`),
    ...WHERE,
    copy(`${POD}_label_app_kubernetes_io_name`, "service"),
    copy(`${POD}_label_app_kubernetes_io_version`, "version"),
  ],
};

/**
 * Sidecars, with the labels that Linkerd's own Prometheus gives them: namespace, pod, deployment and its like, and the pod's
 * own labels.
 */
const SIDECARS = {
  job_name: "linkerd-proxy",
  kubernetes_sd_configs: podsIn(SHOP, NAMESPACE),
  relabel_configs: [
    RUNS,
    keep(
      "linkerd-proxy;linkerd-admin;linkerd",
      `${POD}_container_name`,
      `${POD}_container_port_name`,
      `${POD}_label_linkerd_io_control_plane_ns`,
    ),
    ...WHERE,
    // "job" is Prometheus's own.
    copy(`${POD}_label_linkerd_io_proxy_job`, "k8s_job"),
    { action: "labeldrop", regex: `${POD}_label_linkerd_io_proxy_job` },
    { action: "labelmap", regex: `${POD}_label_linkerd_io_proxy_(.+)` },
    { action: "labeldrop", regex: `${POD}_label_linkerd_io_proxy_(.+)` },
    { action: "labelmap", regex: `${POD}_label_linkerd_io_(.+)` },
    { action: "labelmap", regex: `${POD}_label_(.+)`, replacement: "__tmp_pod_label_$1" },
    { action: "labelmap", regex: "__tmp_pod_label_linkerd_io_(.+)", replacement: "__tmp_pod_label_$1" },
    { action: "labeldrop", regex: "__tmp_pod_label_linkerd_io_(.+)" },
    { action: "labelmap", regex: "__tmp_pod_label_(.+)" },
  ] satisfies Relabel[],
  metric_relabel_configs: [
    // Half of all series, and nobody looks at them.
    { source_labels: ["__name__"], regex: ".*_frame_size_bytes_.*|tokio_rt_.*", action: "drop" },
  ] satisfies Relabel[],
};

/** What this profile's own programs say. */
const PARTS = {
  job_name: "observability",
  kubernetes_sd_configs: podsIn(NAMESPACE),
  relabel_configs: [RUNS, keep("metrics", `${POD}_container_port_name`), ...WHERE],
};

export const CONFIGURATION = {
  global: { scrape_interval: "15s", scrape_timeout: "10s", evaluation_interval: "15s" },
  rule_files: ["/etc/prometheus/*.rules.yaml"],
  scrape_configs: [
    { job_name: "prometheus", static_configs: [{ targets: ["localhost:9090"] }] },
    SERVICES,
    SIDECARS,
    PARTS,
  ],
};

function podsIn(...names: string[]) {
  return [{ role: "pod", namespaces: { names } }];
}
