/** What services there are, and what each one's service.yaml says of it. */
import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { parse } from "yaml";
import { servicesForEndUsers } from "./contracts.ts";
import { codeOf, messageOf, RowError } from "./row-error.ts";

/** What every service.yaml says. */
interface Described {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  readonly postgres: boolean;
  /** Which Redis it keeps something in. */
  readonly redis: readonly RedisUse[];
  /** Whom it calls; a gateway's follow from the contracts. */
  readonly calls: readonly string[];
  readonly consumes: readonly string[];
  readonly secrets: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Names of the business bugs that can be injected into it. */
  readonly bugs: readonly string[];
}

/** Answers gRPC calls on its port, of other services and of the gateway. */
export interface RpcService extends Described {
  readonly kind: "service";
  readonly adminPort: number;
}

/** The way in: HTTP on its port, gRPC over h2c beside it, both open to everybody. */
export interface Gateway extends Described {
  readonly kind: "gateway";
  readonly grpcPort: number;
  readonly adminPort: number;
}

/** Serves pages over HTTP to everybody; no service calls it. */
export interface WebServer extends Described {
  readonly kind: "web";
  readonly adminPort: number;
}

/** Stands for the outside world: a process outside the mesh that speaks HTTP, and is ready when its port answers. */
export interface OutsideService extends Described {
  readonly kind: "outside";
}

export type MeshedService = RpcService | Gateway | WebServer;
export type ServiceManifest = MeshedService | OutsideService;

const KINDS: readonly ServiceManifest["kind"][] = ["service", "gateway", "web", "outside"];

/** Whether others call it through the mesh: it has routes, versions and a policy by method. */
export function isCallable(service: ServiceManifest): service is RpcService {
  return service.kind === "service";
}

/** Whether it has a sidecar and an identity. */
export function isMeshed(service: ServiceManifest): service is MeshedService {
  return service.kind !== "outside";
}

/** The declared ports of a service, by what is spoken there. */
export function portsOf(service: ServiceManifest): { grpc?: number; http?: number; admin?: number } {
  switch (service.kind) {
    case "service":
      return { grpc: service.port, admin: service.adminPort };
    case "gateway":
      return { http: service.port, grpc: service.grpcPort, admin: service.adminPort };
    case "web":
      return { http: service.port, admin: service.adminPort };
    case "outside":
      return { http: service.port };
  }
}

/** What may never be lost, and what may be forgotten at any time: two servers. */
export type RedisUse = "durable" | "cache";

const REDIS_USES: readonly RedisUse[] = ["durable", "cache"];

/** Every folder with a service.yaml, at the root or under services/. Nothing else lists services. */
export function discoverServices(root: string): ServiceManifest[] {
  const manifests = globSync("{*,services/*}/service.yaml", { cwd: root, exclude: ["node_modules"] })
    .map((file) => readManifest(join(root, dirname(file)), root))
    .sort((a, b) => a.name.localeCompare(b.name));
  checkTogether(manifests);
  return manifests.map((one) => withCallees(one, manifests, root));
}

/** A gateway serves what end users may call, by the contracts; so that is whom it calls. */
function withCallees(one: ServiceManifest, all: readonly ServiceManifest[], root: string): ServiceManifest {
  if (one.kind !== "gateway") return one;
  const answering = servicesForEndUsers(root);
  return { ...one, calls: all.filter(({ name }) => answering.has(name)).map(({ name }) => name) };
}

/** The services named, in a list that stays whole when no name is given. */
export function selectServices(manifests: ServiceManifest[], names: string[] | undefined): ServiceManifest[] {
  if (!names) return manifests;
  const unknown = names.filter((name) => !manifests.some((manifest) => manifest.name === name));
  if (unknown.length > 0) {
    const known = manifests.map((manifest) => manifest.name).join(", ");
    throw new RowError(`Unknown service ${unknown.join(", ")}: there are ${known || "none"}`);
  }
  return manifests.filter((manifest) => names.includes(manifest.name));
}

function readManifest(folder: string, root: string): ServiceManifest {
  const file = relative(root, join(folder, "service.yaml"));
  let raw: unknown;
  try {
    raw = parse(readFileSync(join(folder, "service.yaml"), "utf8"));
  } catch (error) {
    throw new RowError(`Cannot read ${file}: ${codeOf(error) ?? messageOf(error).split("\n")[0]}`);
  }
  const fields: Record<string, unknown> = typeof raw === "object" && raw !== null ? { ...raw } : {};
  const fail = (field: string, wanted: string): never => {
    throw new RowError(`Cannot use ${file}: "${field}" must be ${wanted}`);
  };
  const port = (field: string): number | undefined => {
    const value = fields[field];
    if (value === undefined || value === null) return undefined;
    return typeof value === "number" && Number.isInteger(value) && value >= 5000 && value < 8100
      ? value
      : fail(field, "a port from 5000 to 8099");
  };
  const names = (field: string): string[] => {
    const value = fields[field] ?? [];
    return Array.isArray(value) && value.every((item) => typeof item === "string")
      ? value
      : fail(field, "a list of names");
  };
  const flag = (field: string): boolean => {
    const value = fields[field] ?? false;
    return typeof value === "boolean" ? value : fail(field, "true or false");
  };
  const env = fields.env ?? {};
  if (typeof env !== "object" || env === null || Array.isArray(env)) fail("env", "a mapping of names to values");
  const name = fields.name ?? basename(folder);
  if (typeof name !== "string" || !/^[a-z][a-z0-9-]*$/.test(name))
    fail("name", "lower-case letters, digits and dashes");
  const kind = KINDS.find((one) => one === (fields.kind ?? "service")) ?? fail("kind", `one of ${KINDS.join(", ")}`);
  if (kind === "gateway" && fields.calls !== undefined)
    fail("calls", "left out: a gateway calls the services whose contracts let end users in");
  const required = (field: string): number => port(field) ?? fail(field, "a port from 5000 to 8099");
  const described: Described = {
    name: String(name),
    folder,
    port: required("port"),
    postgres: flag("postgres"),
    redis: names("redis").map(
      (name) => REDIS_USES.find((use) => use === name) ?? fail("redis", `a list of ${REDIS_USES.join(" and ")}`),
    ),
    calls: names("calls"),
    consumes: names("consumes"),
    secrets: names("secrets"),
    bugs: names("bugs"),
    env: Object.fromEntries(Object.entries(env as object).map(([key, value]) => [key, String(value)])),
  };
  if (kind === "outside") return { ...described, kind };
  const adminPort = required("adminPort");
  return kind === "gateway"
    ? { ...described, kind, grpcPort: required("grpcPort"), adminPort }
    : { ...described, kind, adminPort };
}

function checkTogether(manifests: ServiceManifest[]): void {
  const owners = new Map<number, string>();
  for (const manifest of manifests) {
    const { name, calls } = manifest;
    for (const declared of Object.values(portsOf(manifest))) {
      const owner = owners.get(declared);
      if (owner) throw new RowError(`Port ${declared} is declared by both ${owner} and ${name}`);
      owners.set(declared, name);
    }
    if (calls.includes(name)) throw new RowError(`${name} lists itself under "calls"`);
  }
}
