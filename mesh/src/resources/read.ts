/** YAML → resources that the mesh obeys. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { NAMESPACE } from "@row/runtime/names.ts";
import { Fields } from "./fields.ts";
import { readGrpcRoute } from "./kinds/grpc-route.ts";
import { readHttpRoute } from "./kinds/http-route.ts";
import { readMetadata } from "./kinds/metadata.ts";
import {
  readAuthorizationPolicy,
  readMeshTlsAuthentication,
  readNetworkAuthentication,
  readRateLimit,
} from "./kinds/policy.ts";
import { readServer } from "./kinds/server.ts";
import { readService } from "./kinds/service.ts";
import { readAnnotations } from "./linkerd-annotations.ts";
import { isRecord, type Manifest, readManifests } from "./manifest.ts";
import { InvalidResources, type Problem } from "./problem.ts";
import { type Kind, nameOf, type Resource } from "./resource.ts";

/** The one version of each kind that the mesh obeys, and how its spec is read. */
export const KINDS: {
  readonly [K in Kind]: { apiVersion: string; read: (spec: Fields) => Extract<Resource, { kind: K }>["spec"] };
} = {
  GRPCRoute: { apiVersion: "gateway.networking.k8s.io/v1", read: readGrpcRoute },
  HTTPRoute: { apiVersion: "gateway.networking.k8s.io/v1", read: readHttpRoute },
  Server: { apiVersion: "policy.linkerd.io/v1beta3", read: readServer },
  AuthorizationPolicy: { apiVersion: "policy.linkerd.io/v1alpha1", read: readAuthorizationPolicy },
  MeshTLSAuthentication: { apiVersion: "policy.linkerd.io/v1alpha1", read: readMeshTlsAuthentication },
  NetworkAuthentication: { apiVersion: "policy.linkerd.io/v1alpha1", read: readNetworkAuthentication },
  HTTPLocalRateLimitPolicy: { apiVersion: "policy.linkerd.io/v1alpha1", read: readRateLimit },
  Service: { apiVersion: "v1", read: readService },
  ServiceAccount: { apiVersion: "v1", read: () => ({}) },
};

/** Reads every document of a text. A resource with a problem is left out of the resources. */
export function readResources(text: string, file: string): { resources: Resource[]; problems: Problem[] } {
  const { manifests, problems: unreadable } = readManifests(text, file);
  const results = manifests.map(readManifest);
  const resources = results.flatMap(({ resource }) => (resource ? [resource] : []));
  return { resources, problems: [...unreadable, ...results.flatMap(({ problems }) => problems)] };
}

/**
 * Reads files, and the *.yaml and *.yml of folders, sorted and with the folders in them. Throws InvalidResources, which names
 * every problem, also what is written twice and routes on headless Services.
 */
export function loadResources(paths: readonly string[]): Resource[] {
  const results = paths.flatMap(resourceFiles).map((file) => readResources(readFileSync(file, "utf8"), file));
  const resources = results.flatMap((result) => result.resources);
  const problems = [...results.flatMap((result) => result.problems), ...problemsBetween(resources)];
  if (problems.length > 0) throw new InvalidResources(problems);
  return resources;
}

const FOLDERS_OF_OTHERS = ["test", "tests", "experiments"];

/**
 * As `yamlFiles`, without the folders of tests and experiments below: what a test reads, right or wrong, is not meant to be obeyed, and
 * an experiment is run.
 */
export function resourceFiles(path: string): string[] {
  return yamlFiles(path, FOLDERS_OF_OTHERS);
}

/**
 * The file itself, or every YAML file in the folder and in its folders, but for folders of the names left out. Throws when there is
 * no such path.
 */
export function yamlFiles(path: string, leftOut: readonly string[] = []): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith(".") && name !== "node_modules" && !leftOut.includes(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (entry.isDirectory()) return yamlFiles(join(path, entry.name), leftOut);
      return /\.ya?ml$/.test(entry.name) ? [join(path, entry.name)] : [];
    });
}

function readManifest(manifest: Manifest): { resource?: Resource; problems: Problem[] } {
  const { apiVersion, kind, value, file, line } = manifest;
  const metadataValue = isRecord(value.metadata) ? value.metadata : {};
  const name = `${kind} ${metadataValue.namespace ?? NAMESPACE}/${metadataValue.name ?? "(no name)"}`;
  if (!isKind(kind)) {
    const advice = `it obeys ${Object.keys(KINDS).join(", ")}`;
    const message = `Cannot use ${name}: the mesh does not obey ${apiVersion} ${kind}; ${advice}`;
    return { problems: [{ file, line: manifest.lineAt(["kind"]), resource: name, path: "kind", message }] };
  }
  const fields = Fields.ofManifest(manifest, name);
  fields.ignore("apiVersion", "kind", "status");
  const known = KINDS[kind];
  if (apiVersion !== known.apiVersion) fields.problem("apiVersion", `it is ${apiVersion}`, `write ${known.apiVersion}`);
  const metadataFields = fields.object("metadata");
  const metadata = readMetadata(metadataFields);
  const spec = kind === "ServiceAccount" ? {} : known.read(fields.object("spec"));
  const isInbound = "parentRefs" in spec && spec.parentRefs.some((parent) => parent.kind === "Server");
  const annotated = readAnnotations(metadataFields, kind, metadata.annotations, isInbound);
  const problems = fields.finish();
  if (problems.length > 0) return { problems };
  // The spec, and what annotations say, is what the reader of this very kind returned.
  const resource = { apiVersion, kind, metadata, spec, ...annotated, source: { file, line } } as Resource;
  return { resource, problems };
}

function isKind(kind: string): kind is Kind {
  return Object.hasOwn(KINDS, kind);
}

/** What cannot be seen in one spec alone: what is written twice, and references that lead nowhere in Linkerd. */
export function problemsBetween(resources: readonly Resource[]): Problem[] {
  // The first of each name.
  const byName = new Map(resources.toReversed().map((resource) => [nameOf(resource), resource]));
  return resources.flatMap((resource) => {
    const name = nameOf(resource);
    const first = byName.get(name);
    const twice = `it is also written in ${first?.source.file}:${first?.source.line}; remove one`;
    const own = first !== resource ? [{ path: undefined, says: twice }] : [];
    return [...own, ...wrongReferences(resource, byName)].map(({ path, says }) => {
      const message = `Cannot use ${name}${path ? `, ${path}` : ""}: ${says}`;
      return { ...resource.source, resource: name, ...(path && { path }), message };
    });
  });
}

function wrongReferences(resource: Resource, byName: ReadonlyMap<string, Resource>): { path: string; says: string }[] {
  const own = resource.metadata.namespace;
  if (resource.kind === "AuthorizationPolicy") {
    const { kind, name } = resource.spec.targetRef;
    const says = `it is the Namespace ${name}; write ${own}, the policy's own`;
    return kind === "Namespace" && name !== own ? [{ path: "spec.targetRef.name", says }] : [];
  }
  if (resource.kind !== "GRPCRoute" && resource.kind !== "HTTPRoute") return [];
  return resource.spec.parentRefs.flatMap(({ kind, name, namespace = own }, index) => {
    const path = `spec.parentRefs[${index}]`;
    if (kind === "Server" && namespace !== own)
      return [{ path, says: `Server ${name} is in ${namespace}; write the route there too` }];
    const parent = byName.get(`${kind} ${namespace}/${name}`);
    const isHeadless = parent?.kind === "Service" && parent.spec.clusterIP === "None";
    const says = `Service ${name} is headless (clusterIP: None); use a Service with a ClusterIP`;
    return isHeadless ? [{ path, says }] : [];
  });
}
