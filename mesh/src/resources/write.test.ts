import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { KINDS, readResources } from "./read.ts";
import type { HeaderMatch, Kind, NamedValue, Resource } from "./resource.ts";
import { writeResource, writeResources } from "./write.ts";

const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?$/);
// Words that YAML might take for something else, and whatever else a string may hold.
const text = fc.oneof(
  fc.string(),
  fc.constantFrom("yes", "null", "1", "0x1", "~", "- a", "a: b", "# a", " a ", "'", '"', "---", "<<", "*a"),
);
const plain = text.filter((value) => value !== "" && !/[\r\n\0]/.test(value));
const texts = fc
  .dictionary(fc.constantFrom("a", "version", "1", "true", "example.com/name", "app.kubernetes.io/name"), text)
  .map((labels) => ({ ...labels }));
const port = fc.integer({ min: 1, max: 65_535 });
const portOrName = fc.oneof(port, fc.constantFrom("grpc", "admin-http"));
const optional = <Name extends string, Item>(name: Name, item: fc.Arbitrary<Item>) =>
  // TypeScript cannot tell which single field a computed name makes.
  fc
    .option(item, { nil: undefined })
    .map((value) => (value === undefined ? {} : { [name]: value }) as { [N in Name]?: Item });
const some = <Item>(item: fc.Arbitrary<Item>, most = 3) => fc.array(item, { minLength: 1, maxLength: most });
const headerName = fc.constantFrom("x-canary", "authorization", "x-b3-traceid");

const header: fc.Arbitrary<HeaderMatch> = fc.record({ type: fc.constant("Exact"), name: headerName, value: plain });
const headers = fc.uniqueArray(header, { maxLength: 3, selector: ({ name }) => name });
const named: fc.Arbitrary<NamedValue> = fc.record({ name: headerName, value: plain });
const values = fc.uniqueArray(named, { maxLength: 3, selector: ({ name }) => name });
const reference = <Group extends string, Name extends string>(group: Group, kind: Name) =>
  fc
    .tuple(fc.record({ group: fc.constant(group), kind: fc.constant(kind), name: label }), optional("namespace", label))
    .map(join);

const parents = fc.oneof(
  some(fc.tuple(reference("", "Service"), optional("port", port)).map(join), 2),
  some(reference("policy.linkerd.io", "Server"), 2),
);
const method = fc.oneof(
  fc.record({ service: fc.constantFrom("shop.catalog.v1.CatalogService", "a.B") }),
  fc.record({ method: fc.constantFrom("GetProduct", "Watch_2") }),
  fc.record({ service: fc.constant("a.B"), method: fc.constant("C") }),
);
const grpcMatch = fc.oneof(fc.record({ method, headers }), fc.constant({ headers: [] }));
const filter = fc.record({
  type: fc.constant("RequestHeaderModifier" as const),
  requestHeaderModifier: fc.record({ set: values, add: values, remove: fc.array(headerName, { maxLength: 2 }) }),
});
const backends = fc
  .uniqueArray(
    fc.tuple(reference("", "Service"), fc.record({ port, weight: fc.integer({ min: 0, max: 1_000_000 }) })).map(join),
    { minLength: 1, maxLength: 4, selector: ({ name, namespace, port }) => `${namespace}/${name}:${port}` },
  )
  .filter((refs) => refs.length === 1 || refs.some(({ weight }) => weight > 0));
const matches = fc.array(grpcMatch, { maxLength: 8 });
const grpcRoute = parents.chain((parentRefs) =>
  fc.record({
    parentRefs: fc.constant(parentRefs),
    rules: some<object>(
      parentRefs[0]?.kind === "Server"
        ? fc.record({ matches, filters: fc.constant([]), backendRefs: fc.constant([]) })
        : fc.record({ matches, filters: fc.array(filter, { maxLength: 2 }), backendRefs: backends }),
    ),
  }),
);
const httpMatch = fc
  .tuple(
    fc.record({
      path: fc.record({
        type: fc.constantFrom("Exact", "PathPrefix"),
        value: fc.constantFrom("/", "/metrics", "/a/b%20c"),
      }),
      headers,
    }),
    optional("method", fc.constantFrom("GET", "POST")),
  )
  .map(join);
const rate = fc.record({ requestsPerSecond: fc.integer({ min: 1, max: 50 }) });
const expression = fc.oneof(
  fc.record({ key: label, operator: fc.constantFrom("In", "NotIn"), values: some(text) }),
  fc.record({ key: label, operator: fc.constantFrom("Exists", "DoesNotExist"), values: fc.constant([]) }),
);

const SPECS: Readonly<Record<Kind, fc.Arbitrary<object>>> = {
  GRPCRoute: grpcRoute,
  HTTPRoute: fc.record({
    parentRefs: some(reference("policy.linkerd.io", "Server"), 2),
    rules: some(fc.record({ matches: some(httpMatch) })),
  }),
  Server: fc.record({
    podSelector: fc.record({ matchLabels: texts, matchExpressions: fc.array(expression, { maxLength: 2 }) }),
    port: portOrName,
    proxyProtocol: fc.constantFrom("unknown", "HTTP/1", "HTTP/2", "gRPC", "opaque", "TLS"),
    accessPolicy: fc.constantFrom("deny", "audit", "all-unauthenticated"),
  }),
  AuthorizationPolicy: fc.record({
    targetRef: fc.oneof(
      fc.record({ group: fc.constant("policy.linkerd.io"), kind: fc.constant("Server"), name: label }),
      fc.record({ group: fc.constant(""), kind: fc.constant("Namespace"), name: label }),
    ),
    requiredAuthenticationRefs: fc.oneof(
      fc.constant([]),
      fc.tuple(
        reference("policy.linkerd.io", "MeshTLSAuthentication"),
        reference("policy.linkerd.io", "NetworkAuthentication"),
      ),
      fc.tuple(reference("", "ServiceAccount")),
    ),
  }),
  MeshTLSAuthentication: fc.oneof(
    fc.record({
      identities: some(fc.constantFrom("*", "*.shop.serviceaccount.identity.linkerd.cluster.local", "a.b.c")),
      identityRefs: fc.constant([]),
    }),
    fc.record({ identities: fc.constant([]), identityRefs: some(reference("", "ServiceAccount")) }),
  ),
  NetworkAuthentication: fc.record({
    networks: some(
      fc.constantFrom(
        { cidr: "10.0.0.0/8", except: [] },
        { cidr: "10.0.0.0/8", except: ["10.1.0.0/16", "10.2.3.4"] },
        { cidr: "fd00::/8", except: ["fd12::/16"] },
      ),
    ),
  }),
  HTTPLocalRateLimitPolicy: fc
    .tuple(
      fc.record({
        targetRef: fc.record({ group: fc.constant("policy.linkerd.io"), kind: fc.constant("Server"), name: label }),
        overrides: fc.array(
          fc.tuple(rate, fc.record({ clientRefs: some(reference("", "ServiceAccount")) })).map(join),
          {
            maxLength: 2,
          },
        ),
        identity: rate,
      }),
      optional("total", fc.constant({ requestsPerSecond: 50 })),
    )
    .map(join),
  Service: fc
    .tuple(
      fc.record({
        selector: texts,
        ports: some(
          fc
            .tuple(fc.record({ port, targetPort: portOrName }), optional("name", label), optional("appProtocol", text))
            .map(([first, ...rest]) => Object.assign({}, first, ...rest)),
        ),
      }),
      optional("clusterIP", fc.constant("None")),
    )
    .map(join),
  ServiceAccount: fc.constant({}),
};

const kinds = Object.keys(SPECS) as Kind[]; // the keys are the kinds
const resource = fc.constantFrom(...kinds).chain((kind) =>
  fc
    .tuple(
      fc.record({ name: label, namespace: label, labels: texts, annotations: texts }),
      optional("creationTimestamp", fc.constantFrom("2026-11-21T09:00:00Z", "2026-11-21T09:00:00.123Z")),
      SPECS[kind],
    )
    // Each spec is one of its kind.
    .map(([required, created, spec]) => {
      const source = { file: "a.yaml", line: 1 };
      return {
        apiVersion: KINDS[kind].apiVersion,
        kind,
        metadata: { ...required, ...created },
        spec,
        // The annotations here are none of Linkerd's.
        ...((kind === "Service" || kind === "GRPCRoute") && { policy: { timeouts: {} } }),
        source,
      } as Resource;
    }),
);

test("what is written is read as it was, whatever it holds", () => {
  fc.assert(
    fc.property(fc.array(resource, { maxLength: 4 }), (resources) => {
      const { resources: again, problems } = readResources(writeResources(resources), "a.yaml");
      assert.deepEqual(problems, []);
      const withoutLines = again.map((one) => ({ ...one, source: { file: "a.yaml", line: 1 } }));
      assert.deepEqual(JSON.parse(JSON.stringify(withoutLines)), JSON.parse(JSON.stringify(resources)));
    }),
    { numRuns: 300 },
  );
});

test("writes as kubectl does: keys sorted, nothing that is empty", () => {
  const source = { file: "a.yaml", line: 1 };
  const written = writeResource({
    kind: "AuthorizationPolicy",
    apiVersion: "policy.linkerd.io/v1alpha1",
    spec: {
      targetRef: { name: "catalog", kind: "Server", group: "policy.linkerd.io" },
      requiredAuthenticationRefs: [],
    },
    metadata: { name: "anybody", namespace: "shop", labels: {}, annotations: { b: "2", a: "yes" } },
    source,
  });
  assert.equal(
    written,
    `apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata:
  annotations:
    a: "yes"
    b: "2"
  name: anybody
  namespace: shop
spec:
  requiredAuthenticationRefs: []
  targetRef:
    group: policy.linkerd.io
    kind: Server
    name: catalog
`,
  );
});

function join<One extends object, Other extends object>([one, other]: [One, Other]): One & Other {
  return { ...one, ...other };
}
