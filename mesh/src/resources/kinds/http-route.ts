import type { Fields } from "../fields.ts";
import type { HttpMatch, HttpRoute } from "../resource.ts";
import { readHeaderMatches } from "./match.ts";
import { readParents } from "./parent.ts";

const MOST_RULES = 16;
const MOST_MATCHES = 64;
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
const PATH = {
  pattern: /^\/(?!.*(\/\/|\/\.{1,2}(\/|$)|%2f))(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$/,
  maxLength: 1024,
  wanted: "an absolute path such as /metrics",
};
const INBOUND_ONLY = "remove it: an HTTPRoute of this mesh only says what is authorized on a Server";

export function readHttpRoute(spec: Fields): HttpRoute["spec"] {
  spec.refuse("hostnames", "remove it: calls inside the mesh are routed by their parent alone");
  const parentRefs = readParents(spec, ["policy.linkerd.io/Server"]);
  const rules = spec.each(
    "rules",
    (rule) => {
      for (const field of ["name", "filters", "backendRefs", "timeouts", "retry", "sessionPersistence"]) {
        rule.refuse(field, INBOUND_ONLY);
      }
      const matches = rule.each("matches", readMatch, { max: MOST_MATCHES });
      return { matches: matches.length > 0 ? matches : [ANYTHING] };
    },
    { min: 1, max: MOST_RULES, wanted: "a rule" },
  );
  return { parentRefs, rules };
}

/** The default of Kubernetes. */
const ANYTHING: HttpMatch = { path: { type: "PathPrefix", value: "/" }, headers: [] };

function readMatch(match: Fields): HttpMatch {
  match.refuse("queryParams", "remove it: match the path, the method or a header");
  const path = match.optionalObject("path");
  const method = match.optionalText("method", {
    pattern: new RegExp(`^(${METHODS.join("|")})$`),
    wanted: "an HTTP method such as GET",
  });
  return {
    path: {
      type: path?.oneOf("type", ["Exact", "PathPrefix"], "PathPrefix") ?? "PathPrefix",
      value: path?.text("value", { ...PATH, fallback: "/" }) ?? "/",
    },
    ...(method !== undefined && { method }),
    headers: readHeaderMatches(match),
  };
}
