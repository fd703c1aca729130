/** The mesh's resources as the repository has them. */
import { join } from "node:path";
import { loadResources } from "@row/mesh/resources/read.ts";
import type { Resource } from "@row/mesh/resources/resource.ts";

export function writtenResources(root: string): Resource[] {
  return loadResources(["services", "policy", "routes"].map((folder) => join(root, "mesh", folder)));
}
