/** Versions that routes send calls to and of which no instance is left. */
import { versionsInUse } from "@row/mesh/policy/traffic-split.ts";
import { isCallable } from "@row/topology/service-manifest.ts";
import type { Mesh } from "./mesh.ts";

/** The same of every service. */
export function allSharesOfNobody(mesh: Mesh): string[] {
  return mesh.host.services.filter(isCallable).flatMap(({ name }) => sharesOfNobody(mesh, name));
}

/** A sentence for each, with what to do; none when every version that gets calls has an instance. */
export function sharesOfNobody(mesh: Mesh, service: string): string[] {
  const used = versionsInUse(mesh.reconciler.store.resources, service);
  const isThere = (version: string) => mesh.instances.of(service, version).length > 0;
  const missing = used.filter((version) => !isThere(version));
  const [other] = used.filter(isThere);
  if (missing.length === 0) return [];
  if (other === undefined) {
    return [`Nobody answers calls to ${service} now: there is no instance of ${used.join(" or ")}, where they all go`];
  }
  return missing.map(
    (version) =>
      `${service} ${version} gets a share of the calls and has no instance: here the others answer them, in a cluster they wait and then fail. Take the share away with \`npx row split ${service} ${other}=1 ${version}=0\``,
  );
}
