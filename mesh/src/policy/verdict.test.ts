import assert from "node:assert/strict";
import { identityOf, labelsOf } from "@row/runtime/names.ts";
import { test } from "vitest";
import { readResources } from "../resources/read.ts";
import { mayCall, type RequestedCall } from "./verdict.ts";

const SERVER = `
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: { name: catalog-grpc, namespace: shop }
spec: { podSelector: { matchLabels: { app.kubernetes.io/name: catalog } }, port: grpc, proxyProtocol: gRPC }`;

const GET = route("get", "{ method: { service: shop.Catalog, method: Get } }");
const NEAR = "{ group: policy.linkerd.io, kind: NetworkAuthentication, name: near }";
const GET_PATH = "/shop.Catalog/Get";

test("without a Server everything is denied, and so it is by a Server that nothing opens", () => {
  assert.equal(decide([]), "deny");
  assert.equal(decide([SERVER]), "deny");
  assert.equal(decide([SERVER, GET]), "deny");
});

test("a Server is for the pods and the port that it selects", () => {
  const open = SERVER.replace("proxyProtocol", "accessPolicy: all-unauthenticated, proxyProtocol");
  assert.equal(decide([open]), "allow");
  assert.equal(decide([open], { labels: labelsOf("orders", "v1") }), "deny");
  assert.equal(decide([open.replace("port: grpc", "port: 50051")]), "allow");
  assert.equal(decide([open.replace("port: grpc", "port: admin")]), "deny");
  const v2 = open.replace(
    "{ matchLabels: { app.kubernetes.io/name: catalog } }",
    "{ matchExpressions: [{ key: app.kubernetes.io/version, operator: NotIn, values: [v1] }] }",
  );
  assert.equal(decide([v2]), "deny");
  assert.equal(decide([v2], { labels: labelsOf("catalog", "v2") }), "allow");
});

test("a route is opened by its own authorizations and by its Server's", () => {
  const resources = [SERVER, GET, identities("edge"), policy("for-get", "GRPCRoute", "get", meshTls("edge"))];
  const { route: name, authorization } = ask(resources, { caller: identityOf("edge") });
  assert.deepEqual([name, authorization], ["get", "for-get"]);
  assert.equal(decide(resources, { caller: identityOf("orders") }), "deny");
  const both = [...resources, identities("orders"), policy("for-all", "Server", "catalog-grpc", meshTls("orders"))];
  assert.equal(decide(both, { caller: identityOf("orders") }), "allow");
  assert.equal(decide(both, { caller: identityOf("edge") }), "allow");
});

test("a policy for the namespace opens every Server in it", () => {
  const whole = policy("whole", "Namespace", "shop", meshTls("edge"));
  assert.equal(decide([SERVER, GET, identities("edge"), whole], { caller: identityOf("edge") }), "allow");
});

test("what matches no route is not denied but not found, unless the Server has no routes at all", () => {
  const open = policy("open", "Server", "catalog-grpc");
  assert.equal(decide([SERVER, GET, open], { path: "/shop.Catalog/List" }), "no-route");
  assert.equal(decide([SERVER, open], { path: "/shop.Catalog/List" }), "allow");
});

test("the most exact match decides, then the one with more headers, then the older route, then the name", () => {
  const routeFor = (routes: string[], headers?: Record<string, string>) => ask([SERVER, ...routes], { headers }).route;
  const all = route("a-all");
  const service = route("b-service", "{ method: { service: shop.Catalog } }");
  const marked = route(
    "d-marked",
    "{ method: { service: shop.Catalog, method: Get }, headers: [{ name: x-v, value: two }] }",
  );
  assert.equal(routeFor([all]), "a-all");
  assert.equal(routeFor([all, service]), "b-service");
  assert.equal(routeFor([all, service, GET]), "get");
  assert.equal(routeFor([all, service, GET, marked], { "x-v": "two" }), "d-marked");
  assert.equal(routeFor([all, service, GET, marked], { "x-v": "one" }), "get");
  const namesake = route("a-get", "{ method: { service: shop.Catalog, method: Get } }");
  assert.equal(routeFor([GET, namesake]), "a-get");
});

test("identities fit in full, by a suffix of whole labels, or as any at all", () => {
  const decideFor = (pattern: string, caller: string | undefined) =>
    decide(
      [SERVER, GET, identities("who", `identities: ["${pattern}"]`), policy("p", "GRPCRoute", "get", meshTls("who"))],
      {
        caller,
      },
    );
  const edge = identityOf("edge");
  assert.equal(decideFor(edge, edge), "allow");
  assert.equal(decideFor(edge, `x.${edge}`), "deny");
  assert.equal(decideFor(identityOf("*"), edge), "allow");
  assert.equal(decideFor(identityOf("*"), identityOf("edge", "myshop")), "deny");
  assert.equal(decideFor("*", identityOf("edge", "elsewhere")), "allow");
  assert.equal(decideFor("*", undefined), "deny");
});

test("references to accounts and namespaces are identities too", () => {
  const decideFor = (refs: string, caller: string) =>
    decide(
      [SERVER, GET, identities("who", `identityRefs: [${refs}]`), policy("p", "GRPCRoute", "get", meshTls("who"))],
      {
        caller,
      },
    );
  assert.equal(decideFor("{ kind: ServiceAccount, name: edge }", identityOf("edge")), "allow");
  assert.equal(decideFor("{ kind: ServiceAccount, name: edge }", identityOf("edge", "elsewhere")), "deny");
  const elsewhere = "{ kind: ServiceAccount, name: edge, namespace: elsewhere }";
  assert.equal(decideFor(elsewhere, identityOf("edge", "elsewhere")), "allow");
  assert.equal(decideFor("{ kind: Namespace, name: elsewhere }", identityOf("any", "elsewhere")), "allow");
  assert.equal(decideFor("{ kind: Namespace, name: elsewhere }", identityOf("any")), "deny");
  const account = policy("p", "GRPCRoute", "get", "{ kind: ServiceAccount, name: edge }");
  assert.equal(decide([SERVER, GET, account], { caller: identityOf("edge") }), "allow");
  assert.equal(decide([SERVER, GET, account], { caller: identityOf("orders") }), "deny");
});

test("all of a policy's authentications must hold, and no authentication at all is anybody", () => {
  assert.equal(decide([SERVER, GET, policy("p", "GRPCRoute", "get")], { caller: undefined }), "allow");
  const network = `
apiVersion: policy.linkerd.io/v1alpha1
kind: NetworkAuthentication
metadata: { name: near, namespace: shop }
spec: { networks: [{ cidr: 10.0.0.0/8, except: [10.9.0.0/16] }] }`;
  const both = policy("p", "GRPCRoute", "get", `${meshTls("edge")}, ${NEAR}`);
  const resources = [SERVER, GET, identities("edge"), network, both];
  const edge = identityOf("edge");
  assert.equal(decide(resources, { caller: edge, address: "10.1.2.3" }), "allow");
  assert.equal(decide(resources, { caller: edge, address: "10.9.2.3" }), "deny");
  assert.equal(decide(resources, { caller: edge, address: "192.168.0.1" }), "deny");
  assert.equal(decide(resources, { caller: edge, address: "::1" }), "deny");
  assert.equal(decide(resources, { caller: identityOf("orders"), address: "10.1.2.3" }), "deny");
});

test("a policy whose authentication is not there opens nothing", () => {
  assert.equal(
    decide([SERVER, GET, policy("p", "GRPCRoute", "get", meshTls("edge"))], { caller: identityOf("edge") }),
    "deny",
  );
});

test("a Server's accessPolicy opens it as its name says", () => {
  const decisions = (accessPolicy: string) => {
    const server = SERVER.replace("proxyProtocol", `accessPolicy: ${accessPolicy}, proxyProtocol`);
    return [identityOf("anyone"), undefined].map((caller) => decide([server, GET], { caller }));
  };
  assert.deepEqual(decisions("deny"), ["deny", "deny"]);
  assert.deepEqual(decisions("all-authenticated"), ["allow", "deny"]);
  assert.deepEqual(decisions("cluster-authenticated"), ["allow", "deny"]);
  assert.deepEqual(decisions("all-unauthenticated"), ["allow", "allow"]);
  assert.deepEqual(decisions("cluster-unauthenticated"), ["allow", "allow"]);
  assert.deepEqual(decisions("audit"), ["allow", "allow"]);
});

test("a Server that is not gRPC takes HTTPRoutes only, and a gRPC one GRPCRoutes only", () => {
  const http = GET.replace("kind: GRPCRoute", "kind: HTTPRoute").replace(
    "{ method: { service: shop.Catalog, method: Get } }",
    "{ path: { type: PathPrefix, value: /shop.Catalog } }",
  );
  const plain = SERVER.replace("proxyProtocol: gRPC", "proxyProtocol: HTTP/2");
  const openHttp = policy("p", "HTTPRoute", "get");
  const openGrpc = policy("p", "GRPCRoute", "get");
  assert.equal(decide([plain, http, openHttp]), "allow");
  assert.equal(decide([plain, http, openHttp], { path: "/shop.CatalogX/Get" }), "no-route");
  assert.equal(decide([plain, GET, openGrpc]), "deny");
  assert.equal(decide([SERVER, http, openHttp]), "deny");
});

function decide(documents: string[], call: Partial<RequestedCall> = {}) {
  return ask(documents, call).decision;
}

function ask(documents: string[], call: Partial<RequestedCall>) {
  const { resources, problems } = readResources(documents.join("\n---"), "test.yaml");
  assert.deepEqual(problems, []);
  return mayCall(resources, { labels: labelsOf("catalog", "v1"), path: GET_PATH, caller: undefined, ...call });
}

function route(name: string, match?: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: ${name}, namespace: shop }
spec:
  parentRefs: [{ group: policy.linkerd.io, kind: Server, name: catalog-grpc }]
  rules: [{ ${match ? `matches: [${match}]` : ""} }]`;
}

function policy(name: string, kind: string, target: string, refs = ""): string {
  const group = { Server: "policy.linkerd.io", Namespace: "" }[kind] ?? "gateway.networking.k8s.io";
  return `
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: shop }
spec:
  targetRef: { group: "${group}", kind: ${kind}, name: ${target} }
  requiredAuthenticationRefs: [${refs}]`;
}

function meshTls(name: string): string {
  return `{ group: policy.linkerd.io, kind: MeshTLSAuthentication, name: ${name} }`;
}

function identities(name: string, spec = `identities: [${identityOf(name)}]`): string {
  return `
apiVersion: policy.linkerd.io/v1alpha1
kind: MeshTLSAuthentication
metadata: { name: ${name}, namespace: shop }
spec: { ${spec} }`;
}
