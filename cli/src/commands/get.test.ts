import assert from "node:assert/strict";
import { readResources } from "@row/mesh/resources/read.ts";
import { test } from "vitest";
import { render } from "./get.ts";

const { resources } = readResources(
  `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: catalog }
spec:
  parentRefs: [{ group: core, kind: Service, name: catalog, port: 50051 }]
  rules: [{ backendRefs: [{ name: catalog-v1, port: 50051, weight: 9 }, { name: catalog-v2, port: 50051 }] }, {}]
---
apiVersion: policy.linkerd.io/v1alpha1
kind: NetworkAuthentication
metadata: { name: anywhere }
spec: { networks: [${Array.from({ length: 50 }, (_, index) => `{ cidr: 10.0.${index}.0/24 }`).join(", ")}] }
`,
  "a.yaml",
);

test("a route's and a Service's retries and timeouts stand beside what they are about", () => {
  const annotations = "annotations: { timeout.linkerd.io/request: 2s, retry.linkerd.io/grpc: unavailable }";
  const { resources } = readResources(
    `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: catalog, ${annotations} }
spec:
  parentRefs: [{ group: core, kind: Service, name: catalog, port: 50051 }]
  rules: [{ backendRefs: [{ name: catalog-v1, port: 50051 }] }]
---
apiVersion: v1
kind: Service
metadata: { name: catalog, ${annotations} }
spec: { selector: { app: catalog }, ports: [{ port: 50051 }] }
`,
    "a.yaml",
  );
  const shown = render(resources, 200);
  assert.match(shown, /catalog-v1 timeout=2000ms retries=1 /);
  assert.match(shown, /port 50051 timeout=2000ms retries=1 /);
});

test("each kind has a table of its own, and nothing is wider than the terminal", () => {
  const [routes = "", networks = ""] = render(resources, 80).split("\n\n");
  assert.match(
    routes,
    /^NAME +PARENT +DETAIL +AGE +SOURCE\ngrpcroute\/catalog +catalog +catalog-v1=9 catalog-v2=1 catalog +- +a\.yaml:1$/,
  );
  assert.match(
    networks,
    /^NAME +TARGET +DETAIL +AGE +SOURCE\nnetworkauthentication\/anywhere +10\.0\.0\.0\/24 .*… {2}- {4}a\.yaml:8$/,
  );
  for (const line of [...routes.split("\n"), ...networks.split("\n")]) assert.ok(line.length <= 80, line);
});
