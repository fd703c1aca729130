import { BlockList, isIPv6 } from "node:net";
import { identityOf } from "@row/runtime/names.ts";
import { named, ofKind } from "../resources/lookup.ts";
import type {
  AuthorizationPolicy,
  GrpcRoute,
  HttpRoute,
  NetworkAuthentication,
  Reference,
  Resource,
  Server,
} from "../resources/resource.ts";

/** Whom an AuthorizationPolicy, or a Server's accessPolicy, lets in. */
export interface Authorization {
  /** The AuthorizationPolicy's; "default:" and the accessPolicy for a Server's own. */
  readonly name: string;
  /** The caller's identity must fit one of them: in full, "*.<suffix>", or "*" for any. Absent: it needs none. */
  readonly identities?: readonly string[];
  /** The caller must come from one of them. Absent: from anywhere. */
  readonly networks?: NetworkAuthentication["spec"]["networks"];
}

/**
 * What opens this Server or this route by itself. A policy that refers to an authentication which is not there, or to more
 * than one of a kind, opens nothing: Linkerd ignores it.
 */
export function authorizationsFor(
  resources: readonly Resource[],
  target: Server | GrpcRoute | HttpRoute,
): Authorization[] {
  const policies = ofKind(resources, "AuthorizationPolicy")
    .filter((policy) => isAbout(policy, target))
    .flatMap((policy) => authorizationOf(policy, resources) ?? []);
  return target.kind === "Server" ? [...policies, ...accessPolicy(target)] : policies;
}

/** Whether it lets this caller in; a caller without an identity is undefined, one without an address is on this machine. */
export function isLetIn(
  { identities, networks }: Authorization,
  caller: string | undefined,
  address = "127.0.0.1",
): boolean {
  const isKnown = !identities || (caller !== undefined && identities.some((pattern) => fits(caller, pattern)));
  return isKnown && (!networks || networks.some((network) => isWithin(network, address)));
}

/** Whether an identity fits a pattern of a MeshTLSAuthentication. */
export function fits(identity: string, pattern: string): boolean {
  if (pattern === "*") return true;
  return pattern.startsWith("*.") ? identity.endsWith(pattern.slice(1)) : identity === pattern;
}

function isAbout({ metadata, spec }: AuthorizationPolicy, target: Server | GrpcRoute | HttpRoute): boolean {
  const { kind, name } = spec.targetRef;
  if (metadata.namespace !== target.metadata.namespace) return false;
  // A namespace's policy opens its Servers, and through them their routes.
  if (kind === "Namespace") return target.kind === "Server" && name === target.metadata.namespace;
  return kind === target.kind && name === target.metadata.name;
}

function authorizationOf(
  { metadata, spec }: AuthorizationPolicy,
  resources: readonly Resource[],
): Authorization | undefined {
  const refs = spec.requiredAuthenticationRefs.map((ref) => ({
    ...ref,
    namespace: ref.namespace ?? metadata.namespace,
  }));
  const ofNetwork = refs.filter(({ kind }) => kind === "NetworkAuthentication");
  const ofIdentity = refs.filter(({ kind }) => kind !== "NetworkAuthentication");
  if (ofNetwork.length > 1 || ofIdentity.length > 1) return undefined;
  const identities = ofIdentity.map((ref) => identitiesOf(ref, resources))[0];
  const networks = ofNetwork.map(
    (ref) => named(resources, "NetworkAuthentication", ref.name, ref.namespace)?.spec.networks,
  )[0];
  if ((ofIdentity[0] && !identities) || (ofNetwork[0] && !networks)) return undefined;
  return { name: metadata.name, ...(identities && { identities }), ...(networks && { networks }) };
}

function identitiesOf(ref: Reference & { namespace: string }, resources: readonly Resource[]): string[] | undefined {
  if (ref.kind === "ServiceAccount") return [identityOf(ref.name, ref.namespace)];
  const authentication = named(resources, "MeshTLSAuthentication", ref.name, ref.namespace);
  if (!authentication) return undefined;
  const { identities, identityRefs } = authentication.spec;
  const referred = identityRefs.map(({ kind, name, namespace }) =>
    kind === "Namespace" ? identityOf("*", name) : identityOf(name, namespace ?? authentication.metadata.namespace),
  );
  return [...identities, ...referred];
}

/** "cluster-…" asks for an address within the cluster's networks, where every sidecar is. */
function accessPolicy({ spec }: Server): Authorization[] {
  const name = `default:${spec.accessPolicy}`;
  switch (spec.accessPolicy) {
    case "all-authenticated":
    case "cluster-authenticated":
      return [{ name, identities: ["*"] }];
    case "all-unauthenticated":
    case "cluster-unauthenticated":
    case "audit":
      return [{ name }];
    default:
      return [];
  }
}

function isWithin({ cidr, except }: NetworkAuthentication["spec"]["networks"][number], address: string): boolean {
  return contains(cidr, address) && !except.some((hole) => contains(hole, address));
}

function contains(network: string, address: string): boolean {
  const [base = "", bits] = network.split("/");
  const family = isIPv6(base) ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(base, bits === undefined ? (family === "ipv6" ? 128 : 32) : Number(bits), family);
  return list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}
