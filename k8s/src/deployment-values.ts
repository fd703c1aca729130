import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import type { IContainer } from "kubernetes-models/v1";
import { parse } from "yaml";

/** What a service.yaml says for a cluster alone. */
export interface DeploymentValues {
  /** Instances at least; defaults to 1. */
  readonly replicas: number;
  readonly resources: NonNullable<IContainer["resources"]>;
  readonly owner: string | undefined;
}

const DEFAULT_RESOURCES = { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "384Mi" } };

/** Throws one clear Error where a value cannot be used: an API server would refuse it much later. */
export function deploymentValues({ name, folder }: ServiceManifest): DeploymentValues {
  const raw: unknown = parse(readFileSync(join(folder, "service.yaml"), "utf8"));
  const { replicas = 1, resources = DEFAULT_RESOURCES, owner } = record(raw);
  const fail = (field: string, wanted: string): never => {
    throw new Error(`Cannot deploy ${name}: "${field}" of its service.yaml must be ${wanted}`);
  };
  if (typeof replicas !== "number" || !Number.isInteger(replicas) || replicas < 1) {
    return fail("replicas", "a number of at least 1");
  }
  if (owner !== undefined && typeof owner !== "string") return fail("owner", "a name");
  const { requests, limits } = record(resources);
  const { cpu, memory } = record(requests);
  const { memory: most, cpu: mostCpu } = record(limits);
  if (!isQuantity(cpu) || !isQuantity(memory)) return fail("resources.requests", "{ cpu: 100m, memory: 128Mi } or so");
  if (!isQuantity(most)) return fail("resources.limits", "{ memory: 384Mi } or so");
  const limited: Record<string, string> = isQuantity(mostCpu) ? { cpu: mostCpu, memory: most } : { memory: most };
  return { replicas, resources: { requests: { cpu, memory }, limits: limited }, owner };
}

function isQuantity(value: unknown): value is string {
  return typeof value === "string" && /^\d+(m|Mi|Gi)?$/.test(value);
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
