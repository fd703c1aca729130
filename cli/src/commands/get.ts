/** `row get`: the resources that the mesh obeys, as a table or as manifests. */
import { kindNamed } from "@row/mesh/resources/kind-names.ts";
import type { Kind, Resource } from "@row/mesh/resources/resource.ts";
import type { RoutePolicy } from "@row/mesh/resources/route-policy.ts";
import { writeResources } from "@row/mesh/resources/write.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { heading } from "../colours.ts";
import { table } from "../table.ts";
import type { Target } from "../target.ts";
import { cut } from "../terminal.ts";

interface GetFlags {
  output?: string;
  json?: boolean;
}

export function getCommand(target: () => Target): Command {
  return new Command("get")
    .description("show the resources that the running mesh obeys")
    .argument("[kind]", "such as grpcroute, service or authorizationpolicy")
    .argument("[names...]", "the resources to show; all of the kind when none is named")
    .option("-o, --output <format>", "yaml or json instead of a table")
    .option("--json", "the same as -o json")
    .action(async (kind: string | undefined, names: string[], { output, json }: GetFlags) => {
      const choice = chosen(kind, json ? "json" : output);
      const { resources, leftOut } = await target().resources(choice.kind && [choice.kind]);
      for (const reason of leftOut) console.error(`Left out: ${reason}`);
      showResources(resources, choice, names);
    });
}

/** Of which kind, and in which form, resources are wanted. */
interface Choice {
  readonly kind?: Kind;
  readonly output?: "yaml" | "json";
}

function chosen(kind: string | undefined, output: string | undefined): Choice {
  if (output !== undefined && output !== "yaml" && output !== "json") {
    throw new RowError(`Cannot print as ${output}: write -o yaml or -o json`);
  }
  return { kind: kind === undefined ? undefined : kindNamed(kind), output };
}

/** Prints those of the kind, or those that are named. */
function showResources(resources: readonly Resource[], { kind, output }: Choice, names: string[]): void {
  const ofKind = resources.filter((resource) => kind === undefined || resource.kind === kind);
  const known = new Set(ofKind.map(({ metadata }) => metadata.name));
  const missing = names.find((name) => !known.has(name));
  if (missing) throw new RowError(`There is no ${kind?.toLowerCase()} ${missing}: there are ${[...known].join(", ")}`);
  const found = names.length > 0 ? ofKind.filter(({ metadata }) => names.includes(metadata.name)) : ofKind;
  if (output === "yaml") process.stdout.write(writeResources(found));
  else if (output === "json") console.log(JSON.stringify(asJson(found, names.length === 1), null, 2));
  else if (found.length === 0) console.log("There are none.");
  else console.log(render(found, process.stdout.columns || WIDTH));
}

/** What a terminal is taken for whose width nobody knows. */
const WIDTH = 120;
const NARROWEST_DETAIL = 20;
const GAPS = 2 * 4;

/** A table for each kind, in the order in which they come. What a resource says is cut where the terminal ends. */
export function render(resources: readonly Resource[], width: number): string {
  const kinds = [...new Set(resources.map(({ kind }) => kind))];
  const tables = kinds.map((kind) => {
    const rows = resources
      .filter((resource) => resource.kind === kind)
      .map((resource) => columns(resource, kinds.length > 1));
    const heads = ["NAME", TARGETS[kind] ?? "PARENT", "DETAIL", "AGE", "SOURCE"];
    const widest = (column: number) => Math.max(...[heads, ...rows].map((row) => row[column]?.length ?? 0));
    const room = Math.max(NARROWEST_DETAIL, width - GAPS - widest(0) - widest(1) - widest(3) - widest(4));
    return table(
      [heads.map(heading), ...rows.map((row) => row.map((cell, column) => (column === 2 ? cut(cell, room) : cell)))],
      width,
    ).join("\n");
  });
  return tables.join("\n\n");
}

/** What the second column is, where it is no route's parent. */
const TARGETS: Partial<Record<Kind, string>> = {
  Server: "PODS",
  Service: "PODS",
  AuthorizationPolicy: "TARGET",
  HTTPLocalRateLimitPolicy: "TARGET",
  MeshTLSAuthentication: "TARGET",
  NetworkAuthentication: "TARGET",
  ServiceAccount: "TARGET",
};

function asJson(resources: Resource[], isOne: boolean): object {
  const items = resources.map(({ apiVersion, kind, metadata, spec }) => ({ apiVersion, kind, metadata, spec }));
  return isOne && items[0] ? items[0] : { apiVersion: "v1", kind: "List", items };
}

function columns(resource: Resource, withKind: boolean): string[] {
  const { kind, metadata, source } = resource;
  const [of, says] = summary(resource);
  return [
    withKind ? `${kind.toLowerCase()}/${metadata.name}` : metadata.name,
    of,
    says,
    age(metadata.creationTimestamp),
    // A cluster has no lines.
    source.line > 0 ? `${source.file}:${source.line}` : source.file,
  ];
}

/** What a resource belongs to, and the gist of what it says. */
function summary(resource: Resource): [string, string] {
  const named = (items: readonly { name: string }[]) => items.map(({ name }) => name).join(",");
  switch (resource.kind) {
    case "GRPCRoute": {
      const parents = resource.spec.parentRefs.map(({ name }) => name);
      const backends = resource.spec.rules.flatMap(({ backendRefs }) =>
        backendRefs.length === 0
          ? parents
          : backendRefs.map(({ name, weight }) => (backendRefs.length > 1 ? `${name}=${weight}` : name)),
      );
      return [named(resource.spec.parentRefs), [...new Set(backends), ...policyWords(resource.policy)].join(" ")];
    }
    case "HTTPRoute":
      return [named(resource.spec.parentRefs), ""];
    case "Server":
      return [
        labels(resource.spec.podSelector.matchLabels),
        `port ${resource.spec.port} ${resource.spec.accessPolicy}`,
      ];
    case "AuthorizationPolicy":
      return [resource.spec.targetRef.name, named(resource.spec.requiredAuthenticationRefs)];
    case "MeshTLSAuthentication":
      return ["", [...resource.spec.identities, ...resource.spec.identityRefs.map(({ name }) => name)].join(" ")];
    case "NetworkAuthentication":
      return ["", resource.spec.networks.map(({ cidr }) => cidr).join(" ")];
    case "HTTPLocalRateLimitPolicy":
      return [resource.spec.targetRef.name, `${resource.spec.total?.requestsPerSecond ?? "any"} requests/s`];
    case "Service":
      return [
        labels(resource.spec.selector),
        [`port ${resource.spec.ports.map(({ port }) => port).join(",")}`, ...policyWords(resource.policy)].join(" "),
      ];
    case "ServiceAccount":
      return ["", ""];
  }
}

/** "timeout=2000ms retries=3", as far as annotations say so. */
function policyWords({ timeouts, retry }: RoutePolicy): string[] {
  const { requestMs, responseMs, idleMs } = timeouts;
  const times = Object.entries({ timeout: requestMs, response: responseMs, idle: idleMs });
  return [
    ...times.flatMap(([word, ms]) => (ms === undefined ? [] : `${word}=${ms}ms`)),
    ...(retry ? [`retries=${retry.limit}`] : []),
  ];
}

function labels(selector: Readonly<Record<string, string>>): string {
  return Object.values(selector).join("/");
}

function age(created: string | undefined): string {
  if (created === undefined) return "-";
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(created)) / 1_000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
