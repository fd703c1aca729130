import type { Fields } from "../fields.ts";
import type {
  BackendReference,
  GrpcMatch,
  GrpcRoute,
  GrpcRule,
  ParentReference,
  RequestHeaderModifier,
} from "../resource.ts";
import { HEADER_NAME, readHeaderMatches, readNamedValues } from "./match.ts";
import { readParents } from "./parent.ts";
import { readReference } from "./reference.ts";

// The limits are those of Gateway API 1.2.1, the oldest that Linkerd 2.20 takes.
const MOST_RULES = 16;
const MOST_MATCHES = 8;
const MOST_FILTERS = 16;
const MOST_BACKENDS = 16;
const SERVICE = {
  pattern: /^[a-z_]\w*(\.[a-z_]\w*)*$/i,
  maxLength: 1024,
  wanted: "a full service name such as shop.catalog.v1.CatalogService",
};
const METHOD = { pattern: /^[A-Za-z_]\w*$/, maxLength: 1024, wanted: "a method's name such as GetProduct" };

export function readGrpcRoute(spec: Fields): GrpcRoute["spec"] {
  spec.refuse("hostnames", "remove it: calls inside the mesh are routed by their parent alone");
  const parentRefs = readParents(spec, ["/Service", "policy.linkerd.io/Server"]);
  const rules = spec.each("rules", (rule) => readRule(rule, parentRefs), {
    min: 1,
    max: MOST_RULES,
    wanted: "a rule: Linkerd refuses every call through a route without any",
  });
  return { parentRefs, rules };
}

function readRule(rule: Fields, parents: readonly ParentReference[]): GrpcRule {
  rule.refuse("name", "remove it: Gateway API 1.2.1 does not know it, and Linkerd ignores a route that has it");
  rule.refuse("timeouts", "remove it: GRPCRoute has no such field; write the annotation timeout.linkerd.io/request");
  rule.refuse("retry", "remove it: GRPCRoute has no such field; write the annotation retry.linkerd.io/grpc");
  rule.refuse("sessionPersistence", "remove it");
  const isInbound = parents.some(({ kind }) => kind === "Server");
  const matches = rule.each("matches", readMatch, { max: MOST_MATCHES });
  if (isInbound) {
    rule.refuse("filters", "remove it: a route on a Server only says what is authorized");
    rule.refuse("backendRefs", "remove it: a route on a Server only says what is authorized");
    return { matches, filters: [], backendRefs: [] };
  }
  const backendRefs = rule.each("backendRefs", readBackend, { max: MOST_BACKENDS });
  if (backendRefs.length > 1 && backendRefs.every(({ weight }) => weight === 0)) {
    rule.problem(
      "backendRefs",
      "every weight is 0",
      "give one of them a weight: Linkerd fails every call through such a route",
    );
  }
  const keys = backendRefs.map(({ namespace, name, port }) => `${namespace}/${name}:${port}`);
  for (const [index, key] of keys.entries()) {
    if (keys.indexOf(key) === index) continue;
    rule.problem(
      ["backendRefs", index, "name"],
      "the same Service and port stands there twice",
      "add up the weights in one",
    );
  }
  return { matches, filters: rule.each("filters", readFilter, { max: MOST_FILTERS }), backendRefs };
}

function readMatch(match: Fields): GrpcMatch {
  const method = match.optionalObject("method");
  const headers = readHeaderMatches(match);
  if (!method) {
    if (headers.length > 0) {
      const advice = "write method: {service: …} beside it: Linkerd refuses the whole route otherwise";
      match.problem("headers", "it has headers and no method", advice);
    }
    return { headers };
  }
  method.only("type", ["Exact"], "write Exact: Linkerd matches methods by no other way");
  const service = method.optionalText("service", SERVICE);
  const name = method.optionalText("method", METHOD);
  if (service === undefined && name === undefined)
    match.problem("method", "it names no service", "write service, method, or both");
  return {
    method: { ...(service !== undefined && { service }), ...(name !== undefined && { method: name }) },
    headers,
  };
}

function readFilter(filter: Fields): RequestHeaderModifier {
  const type = filter.text("type", { wanted: "RequestHeaderModifier" });
  if (type !== "" && type !== "RequestHeaderModifier") {
    filter.problem(
      "type",
      `it is ${type}`,
      "write RequestHeaderModifier: Linkerd takes no other filter in a GRPCRoute",
    );
    filter.ignore("responseHeaderModifier", "requestMirror", "extensionRef", "requestHeaderModifier");
    return { type: "RequestHeaderModifier", requestHeaderModifier: { set: [], add: [], remove: [] } };
  }
  const modifier = filter.object("requestHeaderModifier");
  const remove = modifier.list("remove", { ...HEADER_NAME, max: 16 }).map((name) => name.toLowerCase());
  return {
    type: "RequestHeaderModifier",
    requestHeaderModifier: { set: readNamedValues(modifier, "set"), add: readNamedValues(modifier, "add"), remove },
  };
}

function readBackend(backend: Fields): BackendReference {
  backend.refuse("filters", "move them to the rule's own filters");
  return {
    ...readReference(backend, { kinds: ["/Service"], defaultKind: "Service", elsewhere: true }),
    port: backend.integer("port", { from: 1, to: 65_535, wanted: "the Service's port, such as 50051" }),
    weight: backend.integer("weight", {
      from: 0,
      to: 1_000_000,
      wanted: "a whole number from 0 to 1000000",
      fallback: 1,
    }),
  };
}
