/** Resources as a user writes them, shortened to what a test is about. */
import assert from "node:assert/strict";
import { describe } from "../src/resources/problem.ts";
import { readResources } from "../src/resources/read.ts";
import type { Resource } from "../src/resources/resource.ts";

export function resources(...texts: readonly string[]): Resource[] {
  const { resources, problems } = readResources(texts.join("\n---\n"), "test.yaml");
  assert.deepEqual(problems.map(describe), []);
  return resources;
}

/** A Service for all versions, and one for each. */
export function services(name: string, ...versions: readonly string[]): string {
  const one = (serviceName: string, version?: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${serviceName}, namespace: shop }
spec:
  selector:
    app.kubernetes.io/name: ${name}
    ${version ? `app.kubernetes.io/version: ${version}` : ""}
  ports: [{ name: grpc, port: 50051, targetPort: grpc, appProtocol: kubernetes.io/h2c }]`;
  return [one(name), ...versions.map((version) => one(`${name}-${version}`, version))].join("\n---");
}

/** A Server over a service's gRPC port; whoever has an identity may call unless another accessPolicy is given. */
export function server(service: string, { accessPolicy = "all-authenticated", protocol = "gRPC" } = {}): string {
  return `
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: { name: ${service}-grpc, namespace: shop }
spec:
  podSelector: { matchLabels: { app.kubernetes.io/name: ${service} } }
  port: grpc
  proxyProtocol: ${protocol}
  accessPolicy: ${accessPolicy}`;
}

/** A GRPCRoute for calls to a service; `rules` is YAML in flow style. */
export function route(
  name: string,
  service: string,
  rules: readonly string[],
  annotations: Readonly<Record<string, string>> = {},
): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: ${name}, namespace: shop, annotations: ${JSON.stringify(annotations)} }
spec:
  parentRefs: [{ group: core, kind: Service, name: ${service}, port: 50051 }]
  rules: [${rules.join(", ")}]`;
}

/** "catalog-v1=90" → a backendRef. */
export function to(...shares: readonly string[]): string {
  const refs = shares.map((share) => {
    const [name, weight = "1"] = share.split("=");
    return `{ name: ${name}, port: 50051, weight: ${weight} }`;
  });
  return `backendRefs: [${refs.join(", ")}]`;
}

/** A GRPCRoute on a Server that some accounts may use. */
export function allow(name: string, service: string, rules: readonly string[], accounts: readonly string[]): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: ${name}, namespace: shop }
spec:
  parentRefs: [{ group: policy.linkerd.io, kind: Server, name: ${service}-grpc }]
  rules: [${rules.join(", ")}]
---
apiVersion: policy.linkerd.io/v1alpha1
kind: MeshTLSAuthentication
metadata: { name: ${name}, namespace: shop }
spec:
  identityRefs: [${accounts.map((account) => `{ kind: ServiceAccount, name: ${account} }`).join(", ")}]
---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: shop }
spec:
  targetRef: { group: gateway.networking.k8s.io, kind: GRPCRoute, name: ${name} }
  requiredAuthenticationRefs: [{ group: policy.linkerd.io, kind: MeshTLSAuthentication, name: ${name} }]`;
}
