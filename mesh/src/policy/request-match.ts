/** Whether a request fits a route's match. */
import type { GrpcMatch, HeaderMatch, HttpMatch } from "../resources/resource.ts";

/** The start of a gRPC request, which is an HTTP POST. */
export interface RequestHead {
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

export function matchesGrpc({ method, headers }: GrpcMatch, head: RequestHead): boolean {
  const [, service, name] = head.path.split("/");
  const isMethod =
    (method?.service === undefined || method.service === service) &&
    (method?.method === undefined || method.method === name);
  return isMethod && headers.every((match) => matchesHeader(match, head));
}

export function matchesHttp({ path, method, headers }: HttpMatch, head: RequestHead): boolean {
  const isMethod = method === undefined || method === "POST";
  return isMethod && matchesPath(path, head.path) && headers.every((match) => matchesHeader(match, head));
}

/** A prefix counts in whole segments: "/a" takes "/a" and "/a/b", not "/ab". */
function matchesPath({ type, value }: HttpMatch["path"], path: string): boolean {
  return path === value || (type === "PathPrefix" && path.startsWith(value.endsWith("/") ? value : `${value}/`));
}

function matchesHeader({ type, name, value }: HeaderMatch, { headers }: RequestHead): boolean {
  const given = headers[name];
  if (given === undefined) return false;
  return type === "Exact" ? given === value : new RegExp(`^(?:${value})$`).test(given);
}
