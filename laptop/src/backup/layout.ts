import { join } from "node:path";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";

// What a backup holds of a state folder, under the same names. Streams are not in it: outboxes hold every event of the last
// week, and consumers know what they have had. Certificates and configurations are made anew at every start.

/** Postgres's data folder, which is elsewhere when `row` runs as root. */
export const CLUSTER = "postgres/data";

/** Small files that are replaced as a whole whenever they change; those that are not there are left out. */
export const SINGLE_FILES = ["secrets.json", join("mesh", "resources.json"), join("mesh", "deployments.json")];

/** Where Redis keeps the log of what may not be lost, and the file in it that names the others. */
export const REDIS_LOG = { folder: join("redis-durable", "appendonlydir"), index: "appendonly.aof.manifest" };

/** The folders of what stands for the outside world. */
export function outsideFolders(services: readonly ServiceManifest[]): string[] {
  return services.filter(({ kind }) => kind === "outside").map(({ name }) => name);
}
