/** JSON patches that change the weights of a route and nothing else. */
import type { GrpcRoute, Resource } from "@row/mesh/resources/resource.ts";
import { asRoute, type LiveBackend, type LiveRoute } from "./live-routes.ts";

/** One step of a JSON patch. */
export interface PatchStep {
  readonly op: "replace";
  readonly path: string;
  readonly value: unknown;
}

/** The routes whose weights are to change, changed. */
export type Reweigh = (resources: readonly Resource[]) => GrpcRoute[];

/** New backends for the rules of a route that a split is about; whatever else it says stays, and who else changes it is noticed. */
export function splitPatch(route: LiveRoute, resources: readonly Resource[], reweigh: Reweigh): PatchStep[] {
  const before = asRoute(route);
  const isBefore = ({ kind, metadata }: Resource) => kind === before.kind && metadata.name === before.metadata.name;
  const now = resources.map((resource) => (isBefore(resource) ? before : resource));
  const after = reweigh(now).find(isBefore);
  const changed = (after?.spec.rules ?? []).flatMap((rule, index) =>
    rule === before.spec.rules[index] ? [] : [{ index, backends: rule.backendRefs }],
  );
  return patchOf(
    route,
    changed.map(({ index, backends }) => {
      const live = route.spec.rules?.[index]?.backendRefs ?? [];
      // What a backend says besides its weight is kept.
      const kept = backends.map((ref) => ({
        ...(live.find(({ name }) => name === ref.name) ?? ref),
        weight: ref.weight,
      }));
      return { index, backends: kept };
    }),
  );
}

/** The patch that takes a route, as it is now, back to what it was. */
export function undoPatch(now: LiveRoute, before: LiveRoute): PatchStep[] {
  const rules = (before.spec.rules ?? []).map(({ backendRefs = [] }, index) => ({ index, backends: backendRefs }));
  return patchOf(now, rules);
}

// With the version that was read, the cluster refuses the patch once somebody else has changed the route.
function patchOf(
  { metadata }: LiveRoute,
  rules: readonly { readonly index: number; readonly backends: readonly LiveBackend[] }[],
): PatchStep[] {
  return [
    { op: "replace", path: "/metadata/resourceVersion", value: metadata.resourceVersion },
    ...rules.map(({ index, backends }): PatchStep => {
      return { op: "replace", path: `/spec/rules/${index}/backendRefs`, value: backends };
    }),
  ];
}
