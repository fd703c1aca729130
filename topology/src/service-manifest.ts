import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { parse } from "yaml";
import { codeOf, messageOf, RowError } from "./row-error.ts";

/** What a service.yaml says, as far as it matters to run the service and to mesh it. */
export interface ServiceManifest {
  name: string;
  folder: string;
  port: number;
  /** gRPC over h2c beside the HTTP port; the edge has one. */
  grpcPort?: number;
  /** Absent for a process outside the mesh, which is ready when its port answers. */
  adminPort?: number;
  postgres: boolean;
  /** Which Redis it keeps something in. */
  redis: RedisUse[];
  calls: string[];
  consumes: string[];
  secrets: string[];
  env: Record<string, string>;
  outside: boolean;
}

/** What may never be lost, and what may be forgotten at any time: two servers. */
export type RedisUse = "durable" | "cache";

const REDIS_USES: readonly RedisUse[] = ["durable", "cache"];

/** Every folder under services/, and the edge, that has a service.yaml. Nothing else lists services. */
export function discoverServices(root: string): ServiceManifest[] {
  const services = join(root, "services");
  const folders = existsSync(services) ? readdirSync(services).map((name) => join(services, name)) : [];
  const manifests = [...folders, join(root, "edge")]
    .filter((folder) => existsSync(join(folder, "service.yaml")))
    .map((folder) => readManifest(folder, root));
  checkTogether(manifests);
  return manifests.sort((a, b) => a.name.localeCompare(b.name));
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
  const outside = flag("outside");
  const name = fields.name ?? basename(folder);
  if (typeof name !== "string" || !/^[a-z][a-z0-9-]*$/.test(name))
    fail("name", "lower-case letters, digits and dashes");
  return {
    name: String(name),
    folder,
    port: port("port") ?? fail("port", "a port from 5000 to 8099"),
    grpcPort: port("grpcPort"),
    adminPort: port("adminPort") ?? (outside ? undefined : fail("adminPort", "a port from 5000 to 8099")),
    postgres: flag("postgres"),
    redis: names("redis").map(
      (name) => REDIS_USES.find((use) => use === name) ?? fail("redis", `a list of ${REDIS_USES.join(" and ")}`),
    ),
    calls: names("calls"),
    consumes: names("consumes"),
    secrets: names("secrets"),
    env: Object.fromEntries(Object.entries(env as object).map(([key, value]) => [key, String(value)])),
    outside,
  };
}

function checkTogether(manifests: ServiceManifest[]): void {
  const owners = new Map<number, string>();
  for (const { name, port, grpcPort, adminPort, calls } of manifests) {
    for (const declared of [port, grpcPort, adminPort]) {
      if (declared === undefined) continue;
      const owner = owners.get(declared);
      if (owner) throw new RowError(`Port ${declared} is declared by both ${owner} and ${name}`);
      owners.set(declared, name);
    }
    if (calls.includes(name)) throw new RowError(`${name} lists itself under "calls"`);
  }
}
