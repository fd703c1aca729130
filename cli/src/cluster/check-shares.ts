/** Shares of calls that go to a version of which nothing runs: calls to it wait for seconds, then fail or go elsewhere. */
import { bad, type Finding, good } from "@row/laptop/checkup/finding.ts";
import { versionsInUse } from "@row/mesh/policy/traffic-split.ts";
import type { Resource } from "@row/mesh/resources/resource.ts";
import { isReady, type LivePod, serviceOf, versionOf } from "./pods.ts";

export function checkShares(resources: readonly Resource[], pods: readonly LivePod[]): Finding[] {
  const services = new Set(resources.flatMap(({ kind, metadata }) => (kind === "Service" ? [metadata.name] : [])));
  const ready = new Set(pods.filter(isReady).map((pod) => `${serviceOf(pod)} ${versionOf(pod)}`));
  const unanswered = [...services].flatMap((service) =>
    versionsInUse(resources, service)
      .filter((version) => !ready.has(`${service} ${version}`))
      .map((version) => ({ service, version })),
  );
  if (unanswered.length === 0) return [good("shares", "each version that gets calls has an instance that is ready")];
  return unanswered.map(({ service, version }) =>
    bad(
      "shares",
      `${service} ${version} gets calls, and no instance of it is ready`,
      `give its share to others with \`npx row --on kubernetes split ${service}\`, or start it`,
    ),
  );
}
