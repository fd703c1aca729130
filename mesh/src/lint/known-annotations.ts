/** The annotations and labels that Linkerd 2.20 and its extensions read or write. */
import { distance } from "./edit-distance.ts";

const CONFIG = [
  "access-log",
  "admin-port",
  "admission-webhooks",
  "close-wait-timeout",
  "control-port",
  "debug-image",
  "debug-image-pull-policy",
  "debug-image-version",
  "default-inbound-policy",
  "disable-identity",
  "enable-debug-sidecar",
  "enable-external-profiles",
  "enable-gateway",
  "image-pull-policy",
  "inbound-port",
  "init-image",
  "init-image-version",
  "opaque-ports",
  "outbound-port",
  "pod-inbound-ports",
  "proxy-additional-env",
  "proxy-admin-shutdown",
  "proxy-await",
  "proxy-cpu-limit",
  "proxy-cpu-ratio-limit",
  "proxy-cpu-request",
  "proxy-disable-inbound-protocol-detect-timeout",
  "proxy-disable-outbound-protocol-detect-timeout",
  "proxy-enable-native-sidecar",
  "proxy-ephemeral-storage-limit",
  "proxy-ephemeral-storage-request",
  "proxy-image",
  "proxy-inbound-connect-timeout",
  "proxy-inbound-discovery-cache-unused-timeout",
  "proxy-log-format",
  "proxy-log-http-headers",
  "proxy-log-level",
  "proxy-memory-limit",
  "proxy-memory-request",
  "proxy-metrics-hostname-labels",
  "proxy-outbound-connect-timeout",
  "proxy-outbound-discovery-cache-unused-timeout",
  "proxy-require-identity-inbound-ports",
  "proxy-uid",
  "proxy-gid",
  "proxy-version",
  "proxy-wait-before-exit-seconds",
  "shutdown-grace-period",
  "skip-inbound-ports",
  "skip-outbound-ports",
  "skip-subnets",
  "trace-collector",
];

const KNOWN = [
  new RegExp(`^config\\.((alpha|beta)\\.)?linkerd\\.io/(${CONFIG.join("|")})$`),
  /^(retry\.linkerd\.io\/(grpc|http|limit|timeout)|timeout\.linkerd\.io\/(request|response|idle))$/,
  /^balancer\.linkerd\.io\/failure-accrual(-consecutive-(max-failures|min-penalty|max-penalty|jitter-ratio))?$/,
  /^balancer\.alpha\.linkerd\.io\/failure-accrual-(success-rate-threshold|window|min-requests|honor-retry-after)$/,
  /^balancer\.alpha\.linkerd\.io\/(penalize-failures|load-biaser-penalty|load-biaser-max-retry-after)$/,
  /^linkerd\.io\/(inject|created-by|proxy-version|trust-root-sha256|identity-mode|identity-issuer-expiry|extension)$/,
  /^linkerd\.io\/(control-plane-(component|ns)|workload-ns|is-control-plane|helm-release-version|cni-resource|proxy-[a-z-]+)$/,
];
/** Whose annotations are listed above; every other prefix is an extension's own: failover, mirror, multicluster, viz and so on. */
const CORE_PREFIXES = ["balancer", "balancer.alpha", "config", "config.alpha", "config.beta", "retry", "timeout"];

export function isKnownAnnotation(name: string): boolean {
  const [, prefix] = /^(.+)\.linkerd\.io\//.exec(name) ?? [];
  if (prefix !== undefined && !CORE_PREFIXES.some((core) => distance(prefix, core) <= MOST_TYPOS)) return true;
  return KNOWN.some((known) => known.test(name));
}

/** A prefix this close to one of Linkerd's own is that one, misspelled. */
const MOST_TYPOS = 2;
