import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type LockedPackages, productionPackages } from "./production-packages.ts";

/** What an image of a service is made of, as folders relative to the repository's root. */
export interface ImageContents {
  /** Installed packages, and the links by which workspaces find each other. */
  packages: string[];
  workspaces: string[];
}

/** @throws where there is no such service. */
export function contentsOf(root: string, service: string): ImageContents {
  const lock: { packages: LockedPackages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const needed = productionPackages(lock.packages, workspaceOf(Object.keys(lock.packages), service));
  const isPackage = (folder: string) => /(^|\/)node_modules\//.test(folder);
  return { packages: needed.filter(isPackage), workspaces: needed.filter((folder) => !isPackage(folder)) };
}

/** A service's folder lies in services/, or at the root as the edge's does. */
export function workspaceOf(workspaces: string[], service: string): string {
  const found = [`services/${service}`, service].find((folder) => service !== "" && workspaces.includes(folder));
  if (!found)
    throw new Error(`Cannot pack ${JSON.stringify(service)}: there is no services/${service} and no ${service}/`);
  return found;
}

/** The query compilers that a service's generated database client imports; none without such a client. */
export function queryCompilersOf(root: string, service: string): Set<string> {
  const folder = join(root, "gen/prisma", service);
  const found = new Set<string>();
  if (!existsSync(folder)) return found;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = readFileSync(join(entry.parentPath, entry.name), "utf8");
    for (const [, name] of source.matchAll(/import\("@prisma\/client\/runtime\/([^"]+)"\)/g)) if (name) found.add(name);
  }
  return found;
}
