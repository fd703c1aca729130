/** As much of a Kubernetes API server as `kubectl get`, `apply` and `delete` of the mesh's kinds ask for. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json, text } from "node:stream/consumers";
import { parse } from "yaml";

type Body = Record<string, unknown> & { metadata: Record<string, unknown> & { name: string } };

const NAMESPACED: Readonly<Record<string, readonly [kind: string, plural: string][]>> = {
  v1: [
    ["Service", "services"],
    ["ServiceAccount", "serviceaccounts"],
    ["Pod", "pods"],
  ],
  "gateway.networking.k8s.io/v1": [
    ["GRPCRoute", "grpcroutes"],
    ["HTTPRoute", "httproutes"],
  ],
  "policy.linkerd.io/v1beta3": [["Server", "servers"]],
  "policy.linkerd.io/v1alpha1": [
    ["AuthorizationPolicy", "authorizationpolicies"],
    ["MeshTLSAuthentication", "meshtlsauthentications"],
    ["NetworkAuthentication", "networkauthentications"],
    ["HTTPLocalRateLimitPolicy", "httplocalratelimitpolicies"],
  ],
};

export interface ApiStandIn {
  /** For KUBECONFIG. */
  readonly kubeconfig: string;
  /** Objects by "grpcroutes/catalog-fast". */
  readonly objects: Map<string, Body>;
  /** Called before one object is read or changed, so that a test can change it just before. */
  onRead: (path: string) => void;
  /** Says whether objects of a kind, "grpcroutes", can be listed now. */
  onList: (plural: string) => boolean;
  close(): void;
}

export async function startApi(): Promise<ApiStandIn> {
  const objects = new Map<string, Body>();
  let version = 1;
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://api");
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    const refuse = (code: number, reason: string, message: string) =>
      answer(code, { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message });
    const [, group = "", plural = "", name] =
      /^\/(?:api|apis)\/(.+)\/namespaces\/shop\/([a-z]+)(?:\/(.+))?$/.exec(pathname) ?? [];
    if (!plural) {
      const found = discovery(pathname);
      return found ? answer(200, found) : refuse(404, "NotFound", `the server has no ${pathname}`);
    }
    const key = `${plural}/${name}`;
    if (request.method === "GET" && !name) {
      if (!api.onList(plural)) return refuse(500, "InternalError", "etcdserver: request timed out");
      const selector = Object.fromEntries(
        (searchParams.get("labelSelector") ?? "")
          .split(",")
          .filter(Boolean)
          .map((one) => one.split("=")),
      );
      const isWanted = ([path, { metadata }]: [string, Body]) =>
        path.startsWith(`${plural}/`) &&
        Object.entries(selector).every(([label, value]) => Object(metadata.labels)[label] === value);
      const items = [...objects].filter(isWanted).map(([, object]) => object);
      return answer(200, { apiVersion: group, kind: "List", metadata: {}, items });
    }
    if (request.method === "POST") {
      const body = (await json(request)) as Body; // kubectl's own
      const object = {
        ...body,
        metadata: { ...body.metadata, resourceVersion: String(version++), uid: body.metadata.name },
      };
      objects.set(`${plural}/${body.metadata.name}`, object);
      return answer(201, object);
    }
    if (request.method === "DELETE") {
      if (!objects.delete(key)) return refuse(404, "NotFound", `${plural} "${name}" not found`);
      return answer(200, { kind: "Status", apiVersion: "v1", status: "Success", details: { name } });
    }
    api.onRead(key);
    if (request.method === "PATCH") {
      const live = objects.get(key);
      if (request.headers["content-type"] === "application/apply-patch+yaml" && !live) {
        const created = parse(await text(request)) as Body; // kubectl's own
        created.metadata = { ...created.metadata, resourceVersion: String(version++), uid: created.metadata.name };
        objects.set(key, created);
        return answer(201, created);
      }
      if (!live) return refuse(404, "NotFound", `${plural} "${name}" not found`);
      const patch = parse(await text(request)); // of which JSON is a kind
      const merged = (Array.isArray(patch) ? stepped(live, patch) : merge(live, patch)) as Body; // a patched object is one
      // Custom resources are not changed without the version that they have; a patch that says nothing of it keeps it.
      if (merged.metadata.resourceVersion === undefined && group.includes(".")) {
        const message = "metadata.resourceVersion: Invalid value: 0: must be specified for an update";
        return refuse(422, "Invalid", `${plural} "${name}" is invalid: ${message}`);
      }
      if (![undefined, live.metadata.resourceVersion].includes(merged.metadata.resourceVersion)) {
        return refuse(
          409,
          "Conflict",
          `Operation cannot be fulfilled on ${plural} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
        );
      }
      if (searchParams.get("dryRun") === "All") return answer(200, merged);
      merged.metadata.resourceVersion = String(version++);
      objects.set(key, merged);
      return answer(200, merged);
    }
    const live = objects.get(key);
    return live ? answer(200, live) : refuse(404, "NotFound", `${plural} "${name}" not found`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const folder = mkdtempSync(join(tmpdir(), "row-api-"));
  const kubeconfig = join(folder, "config");
  const clusters = [{ name: "stand-in", cluster: { server: `http://127.0.0.1:${port}` } }];
  const contexts = [{ name: "stand-in", context: { cluster: "stand-in", user: "", namespace: "shop" } }];
  writeFileSync(
    kubeconfig,
    JSON.stringify({ apiVersion: "v1", kind: "Config", clusters, contexts, "current-context": "stand-in" }),
  );
  const api: ApiStandIn = {
    kubeconfig,
    objects,
    onRead: () => {},
    onList: () => true,
    close() {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return api;
}

/** RFC 6902, as far as it is used. */
function stepped(target: Body, steps: readonly { op: string; path: string; value: unknown }[]): unknown {
  const result = structuredClone(target);
  for (const { op, path, value } of steps) {
    const keys = path.split("/").slice(1);
    const last = keys.pop() ?? "";
    const parent = keys.reduce((object: Record<string, unknown>, key) => Object(object[key]), result);
    if (op !== "replace" || !(last in parent)) throw new Error(`Cannot ${op} ${path}`);
    parent[last] = value;
  }
  return result;
}

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> =
    typeof target === "object" && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}

function discovery(path: string): object | undefined {
  const groups = Object.keys(NAMESPACED).filter((group) => group !== "v1");
  if (path === "/version") return { major: "1", minor: "34", gitVersion: "v1.34.0" };
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (path === "/apis") {
    const names = [...new Set(groups.map((group) => group.split("/")[0]))];
    return {
      kind: "APIGroupList",
      apiVersion: "v1",
      groups: names.map((name) => {
        const versions = groups
          .filter((group) => group.startsWith(`${name}/`))
          .map((groupVersion) => ({ groupVersion, version: groupVersion.split("/")[1] }));
        return { name, versions, preferredVersion: versions[0] };
      }),
    };
  }
  const group = path.replace(/^\/apis?\//, "");
  const kinds = NAMESPACED[group];
  if (kinds) {
    const verbs = ["get", "list", "create", "patch", "update", "delete"];
    return {
      kind: "APIResourceList",
      apiVersion: "v1",
      groupVersion: group,
      resources: kinds.map(([kind, name]) => ({
        name,
        kind,
        namespaced: true,
        singularName: kind.toLowerCase(),
        verbs,
      })),
    };
  }
  // What kubectl wants to know before it leaves validation to the server: that there is a parameter for it.
  const documents = Object.keys(NAMESPACED).map((one) => [one === "v1" ? "api/v1" : `apis/${one}`, one] as const);
  if (path === "/openapi/v3")
    return { paths: Object.fromEntries(documents.map(([at]) => [at, { serverRelativeURL: `/openapi/v3/${at}` }])) };
  const document = documents.find(([at]) => path === `/openapi/v3/${at}`);
  if (!document) return undefined;
  const [version = "", of = ""] = document[1].split("/").reverse();
  return {
    openapi: "3.0.0",
    info: { title: "stand-in", version: "1" },
    paths: Object.fromEntries(
      (NAMESPACED[document[1]] ?? []).map(([kind, plural]) => [
        `/${document[0]}/namespaces/{namespace}/${plural}/{name}`,
        {
          patch: {
            parameters: [{ name: "fieldValidation", in: "query", schema: { type: "string" } }],
            "x-kubernetes-group-version-kind": { group: of, kind, version },
            responses: {},
          },
        },
      ]),
    ),
  };
}
