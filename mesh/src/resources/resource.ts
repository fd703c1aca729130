/**
 * The Kubernetes resources that the mesh obeys, as they are after reading: defaults filled in, shapes checked.
 * Shapes and defaults are those of the Gateway API and of Linkerd's CRDs.
 */

import type { FailureAccrual } from "./failure-accrual.ts";
import type { RoutePolicy } from "./route-policy.ts";

/** Where a resource was written, for messages. */
export interface Source {
  /** As the user named it, or relative to the repository. */
  readonly file: string;
  /** Of the document's first line, from 1. */
  readonly line: number;
}

export interface Metadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339; decides between routes that match equally well. Absent in files, set when a resource is applied. */
  readonly creationTimestamp?: string;
}

interface Described<Kind extends string, Spec> {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: Metadata;
  readonly spec: Spec;
  readonly source: Source;
}

/** A reference to another resource; the namespace is the referrer's unless given. */
export interface Reference {
  /** "" is the core group; the reader turns "core" into it. */
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface ParentReference extends Reference {
  /** All ports of the parent when absent. */
  readonly port?: number;
}

export interface BackendReference extends Reference {
  readonly port: number;
  /** 0 to 1,000,000; 1 unless given. */
  readonly weight: number;
}

export interface HeaderMatch {
  readonly type: "Exact" | "RegularExpression";
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

/** Changes the request's headers before it is sent on: the one filter that Linkerd takes in a GRPCRoute. */
export interface RequestHeaderModifier {
  readonly type: "RequestHeaderModifier";
  readonly requestHeaderModifier: {
    readonly set: readonly NamedValue[];
    readonly add: readonly NamedValue[];
    readonly remove: readonly string[];
  };
}

export interface GrpcMatch {
  /** Absent: any method. At least one of the two is there otherwise; both match exactly. */
  readonly method?: { readonly service?: string; readonly method?: string };
  readonly headers: readonly HeaderMatch[];
}

export interface GrpcRule {
  /** Any of them matches; none at all matches everything. */
  readonly matches: readonly GrpcMatch[];
  readonly filters: readonly RequestHeaderModifier[];
  readonly backendRefs: readonly BackendReference[];
}

/** gateway.networking.k8s.io/v1: outbound with a Service as parent, inbound with a Server. */
export type GrpcRoute = Described<
  "GRPCRoute",
  { readonly parentRefs: readonly ParentReference[]; readonly rules: readonly GrpcRule[] }
> & {
  /** What its own annotations say; `policyUnder` adds what it takes over from a Service. */
  readonly policy: RoutePolicy;
};

export interface HttpMatch {
  readonly path: { readonly type: "Exact" | "PathPrefix"; readonly value: string };
  /** Absent: any. */
  readonly method?: string;
  readonly headers: readonly HeaderMatch[];
}

/** gateway.networking.k8s.io/v1, inbound only: a Server that is not gRPC takes no other route. */
export type HttpRoute = Described<
  "HTTPRoute",
  {
    readonly parentRefs: readonly ParentReference[];
    readonly rules: readonly { readonly matches: readonly HttpMatch[] }[];
  }
>;

/** policy.linkerd.io/v1beta3 */
export type Server = Described<
  "Server",
  {
    readonly podSelector: LabelSelector;
    /** A number, or the name of a port of the pods. */
    readonly port: number | string;
    readonly proxyProtocol: "unknown" | "HTTP/1" | "HTTP/2" | "gRPC" | "opaque" | "TLS";
    readonly accessPolicy: string;
  }
>;

/** All of it must hold. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values: readonly string[];
  }[];
}

/** policy.linkerd.io/v1alpha1: whoever satisfies all the authentications may use the target. */
export type AuthorizationPolicy = Described<
  "AuthorizationPolicy",
  { readonly targetRef: Reference; readonly requiredAuthenticationRefs: readonly Reference[] }
>;

/** policy.linkerd.io/v1alpha1 */
export type MeshTlsAuthentication = Described<
  "MeshTLSAuthentication",
  { readonly identities: readonly string[]; readonly identityRefs: readonly Reference[] }
>;

/** policy.linkerd.io/v1alpha1 */
export type NetworkAuthentication = Described<
  "NetworkAuthentication",
  { readonly networks: readonly { readonly cidr: string; readonly except: readonly string[] }[] }
>;

/** policy.linkerd.io/v1alpha1: requests a second, counted by each sidecar for itself. */
export type HttpLocalRateLimitPolicy = Described<
  "HTTPLocalRateLimitPolicy",
  {
    readonly targetRef: Reference;
    readonly total?: { readonly requestsPerSecond: number };
    readonly identity?: { readonly requestsPerSecond: number };
    readonly overrides: readonly { readonly requestsPerSecond: number; readonly clientRefs: readonly Reference[] }[];
  }
>;

/** v1: what routes hang on and point to; its annotations set retries, timeouts and circuit breaking. */
export type Service = Described<
  "Service",
  {
    /** A headless Service, which no route can hang on; otherwise absent. */
    readonly clusterIP?: "None";
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly {
      readonly name?: string;
      readonly port: number;
      readonly targetPort: number | string;
      readonly appProtocol?: string;
    }[];
  }
> & {
  /** For calls that no route says anything else about; from its annotations. */
  readonly policy: RoutePolicy;
  /** Absent when it asks for no circuit breaking; from its annotations. */
  readonly failureAccrual?: FailureAccrual;
};

/** v1 */
export type ServiceAccount = Described<"ServiceAccount", Record<string, never>>;

export type Resource =
  | GrpcRoute
  | HttpRoute
  | Server
  | AuthorizationPolicy
  | MeshTlsAuthentication
  | NetworkAuthentication
  | HttpLocalRateLimitPolicy
  | Service
  | ServiceAccount;

export type Kind = Resource["kind"];

/** "GRPCRoute shop/catalog-fast": how messages name a resource, and what tells it from others. */
export function nameOf({ kind, metadata }: Pick<Resource, "kind" | "metadata">): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}
