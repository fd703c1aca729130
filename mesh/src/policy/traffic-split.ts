/** How the calls to a service are shared among its versions: read, changed and given back. */
import { GRPC_PORT, NAME_LABEL, VERSION_LABEL } from "@row/runtime/names.ts";
import { RowError } from "@row/topology/row-error.ts";
import { ofKind } from "../resources/lookup.ts";
import type { BackendReference, GrpcRoute, GrpcRule, Resource, Service } from "../resources/resource.ts";

/** What share of the calls that a rule matches goes to each version. */
export interface RuleSplit {
  route: string;
  /** From 0. */
  rule: number;
  weights: { version: string; weight: number }[];
  /** A rule that sends marked requests to one version: `row split` leaves it alone. */
  isPinned: boolean;
}

/** Weights by version, in the order they were given. */
export type Weights = ReadonlyMap<string, number>;

const MOST = 1_000_000;

/** Reads "v1=90 v2=10". */
export function parseWeights(words: readonly string[]): Weights {
  const weights = new Map<string, number>();
  for (const word of words) {
    const [version = "", value = "", ...rest] = word.split("=");
    const weight = Number(value);
    if (!version || !/^\d+$/.test(value) || rest.length > 0 || weight > MOST) {
      throw new RowError(
        `Cannot read ${word}: write version=weight with a whole number from 0 to ${MOST}, such as v1=90`,
      );
    }
    if (weights.has(version)) throw new RowError(`Cannot split: ${version} is named twice`);
    weights.set(version, weight);
  }
  if (weights.size > 0 && [...weights.values()].every((weight) => weight === 0)) {
    throw new RowError("Cannot split: every weight is 0, so nobody would answer");
  }
  return weights;
}

/** Whether there is a Service for the version that calls can go to. */
export function hasVersion(resources: readonly Resource[], service: string, version: string): boolean {
  return servicesOf(resources, service, version).length > 0;
}

/** The Services that stand for a version's instances, and take calls: a headless one, or one of another port, is for something else. */
function servicesOf(resources: readonly Resource[], service: string, version: string): Service[] {
  return ofKind(resources, "Service").filter((one) => versionOf(one, service) === version);
}

function versionOf({ spec }: Service, service: string): string | undefined {
  const takesCalls = spec.clusterIP !== "None" && spec.ports.some(({ port }) => port === GRPC_PORT);
  if (!takesCalls || spec.selector[NAME_LABEL] !== service) return undefined;
  return spec.selector[VERSION_LABEL];
}

/** The one that the routes name, or else the one that selects by name and version alone. Throws where that leaves a choice. */
function backendOf(resources: readonly Resource[], service: string, version: string): string {
  const all = servicesOf(resources, service, version).map((one) => ({ ...one, name: one.metadata.name }));
  const backends = new Set(
    routesOf(resources, service).flatMap(({ spec }) => spec.rules.flatMap((rule) => rule.backendRefs.map(nameOf))),
  );
  const named = all.filter(({ name }) => backends.has(name));
  const plain = all.filter(({ spec }) => Object.keys(spec.selector).length === 2);
  const [found, ...others] = [named, plain, all].find((some) => some.length > 0) ?? [];
  if (!found) throw new RowError(`Cannot split ${service}: there is no Service for ${version}`);
  if (others.length === 0) return found.name;
  const names = [found, ...others].map(nameOf).sort().join(" or ");
  throw new RowError(
    `Cannot split ${service}: ${version} may be the Service ${names}; name one of them in the backendRefs of the GRPCRoutes, or delete the others`,
  );
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

/** The versions of all Services of a service, by the Service's name. */
function versionsByName(resources: readonly Resource[], service: string): Map<string, string> {
  return new Map(
    ofKind(resources, "Service").flatMap((one) => {
      const version = versionOf(one, service);
      return version === undefined ? [] : [[one.metadata.name, version] as const];
    }),
  );
}

/** How the calls to a service are split now, rule by rule. */
export function splitOf(resources: readonly Resource[], service: string): RuleSplit[] {
  const versions = versionsByName(resources, service);
  return routesOf(resources, service).flatMap(({ metadata, spec }) =>
    spec.rules.flatMap((rule, index) => {
      const weights = rule.backendRefs.flatMap(({ name, weight }) => {
        const version = versions.get(name);
        return version ? [{ version, weight }] : [];
      });
      const isPinned = isForMarked(rule) && weights.length === 1;
      return weights.length > 0 ? [{ route: metadata.name, rule: index, weights, isPinned }] : [];
    }),
  );
}

/** The versions that rules send calls to. */
export function versionsIn(splits: readonly Pick<RuleSplit, "weights">[]): string[] {
  const used = splits.flatMap(({ weights }) =>
    // Where there is no other, its weight is of no account.
    weights.filter(({ weight }, _, { length }) => weight > 0 || length === 1).map(({ version }) => version),
  );
  return [...new Set(used)];
}

/** Those of a service. */
export function versionsInUse(resources: readonly Resource[], service: string): string[] {
  return versionsIn(splitOf(resources, service));
}

/** The service's routes with new weights, in every rule that points to its versions. */
export function withSplit(resources: readonly Resource[], service: string, weights: Weights): GrpcRoute[] {
  const refs = [...weights].map(([version, weight]) => backendRef(resources, service, version, weight));
  const names = versionsByName(resources, service);
  const isVersion = ({ name }: BackendReference) => names.has(name);
  const changed = routesOf(resources, service).flatMap((route) => {
    const rules = route.spec.rules.map((rule) => {
      const points = rule.backendRefs.some(isVersion);
      if (!points || (isForMarked(rule) && rule.backendRefs.length === 1)) return rule;
      return { ...rule, backendRefs: [...refs, ...rule.backendRefs.filter((ref) => !isVersion(ref))] };
    });
    const isChanged = rules.some((rule, index) => rule !== route.spec.rules[index]);
    return isChanged ? [{ ...route, spec: { ...route.spec, rules } }] : [];
  });
  if (changed.length > 0) return changed;
  throw new RowError(
    `Cannot split ${service}: no rule of a GRPCRoute with the Service ${service} as parent points to its versions (${[...names.keys()].join(", ") || "none"})`,
  );
}

/** The service's routes with the weights that `splitOf` read earlier, each rule with its own; rules that are gone are passed over. */
export function withSplits(
  resources: readonly Resource[],
  service: string,
  splits: readonly Pick<RuleSplit, "route" | "rule" | "weights">[],
): GrpcRoute[] {
  const names = versionsByName(resources, service);
  return routesOf(resources, service).flatMap((route) => {
    const rules = route.spec.rules.map((rule, index) => {
      const before = splits.find((split) => split.route === route.metadata.name && split.rule === index);
      if (!before) return rule;
      const others = rule.backendRefs.filter(({ name }) => !names.has(name));
      const refs = before.weights.map(({ version, weight }) => backendRef(resources, service, version, weight));
      return { ...rule, backendRefs: [...refs, ...others] };
    });
    const isChanged = rules.some((rule, index) => rule !== route.spec.rules[index]);
    return isChanged ? [{ ...route, spec: { ...route.spec, rules } }] : [];
  });
}

function backendRef(
  resources: readonly Resource[],
  service: string,
  version: string,
  weight: number,
): BackendReference {
  return { group: "", kind: "Service", name: backendOf(resources, service, version), port: GRPC_PORT, weight };
}

/** The service's routes with no calls for a version; the others share them by the weights that they have. Throws where nobody would be left. */
export function withoutShare(resources: readonly Resource[], service: string, version: string): GrpcRoute[] {
  const versions = versionsByName(resources, service);
  return routesOf(resources, service).flatMap((route) => {
    const rules = route.spec.rules.map((rule, index) => {
      const isIts = ({ name }: BackendReference) => versions.get(name) === version;
      const gets = rule.backendRefs.some((ref) => isIts(ref) && (ref.weight > 0 || rule.backendRefs.length === 1));
      if (!gets) return rule;
      if (!rule.backendRefs.some((ref) => !isIts(ref) && ref.weight > 0)) {
        const other = [...new Set(versions.values())].find((one) => one !== version) ?? "v1";
        throw new RowError(
          `Cannot take its calls from ${service} ${version}: rule ${index} of GRPCRoute ${route.metadata.name} sends it all of them. Give them to others first, with \`npx row split ${service} ${other}=100 ${version}=0\``,
        );
      }
      return { ...rule, backendRefs: rule.backendRefs.map((ref) => (isIts(ref) ? { ...ref, weight: 0 } : ref)) };
    });
    const isChanged = rules.some((rule, index) => rule !== route.spec.rules[index]);
    return isChanged ? [{ ...route, spec: { ...route.spec, rules } }] : [];
  });
}

/** The service's routes without a version, which must not be the only one that a rule points to. */
export function withoutVersion(resources: readonly Resource[], service: string, version: string): GrpcRoute[] {
  const versions = versionsByName(resources, service);
  return routesOf(resources, service).flatMap((route) => {
    const rules = route.spec.rules.map((rule) => ({
      ...rule,
      backendRefs: rule.backendRefs.filter(({ name }) => versions.get(name) !== version),
    }));
    const isChanged = rules.some(
      ({ backendRefs }, index) => backendRefs.length !== route.spec.rules[index]?.backendRefs.length,
    );
    return isChanged ? [{ ...route, spec: { ...route.spec, rules } }] : [];
  });
}

// A rule for requests that carry a header is a decision about those requests, and no share of all.
function isForMarked({ matches }: GrpcRule): boolean {
  return matches.length > 0 && matches.every(({ headers }) => headers.length > 0);
}

function routesOf(resources: readonly Resource[], service: string): GrpcRoute[] {
  return ofKind(resources, "GRPCRoute").filter(({ spec }) =>
    spec.parentRefs.some(({ kind, name }) => kind === "Service" && name === service),
  );
}
