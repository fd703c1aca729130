/** What package-lock.json says of one package: of a workspace under its folder, of any other under node_modules. */
interface LockedPackage {
  link?: boolean;
  /** For a link, the workspace's folder. */
  resolved?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

export type LockedPackages = Readonly<Record<string, LockedPackage>>;

/**
 * The folders of everything that a workspace needs to run, itself and the links to other workspaces included, sorted.
 * `npm ci --omit=dev --workspace` keeps more: what only another workspace needs, and what tests need of each other.
 * Optional packages of other platforms are among them, and are not on the disk.
 */
export function productionPackages(packages: LockedPackages, workspace: string): string[] {
  const found = new Set<string>();
  const waiting = [workspace];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (found.has(folder)) continue;
    const locked = packages[folder];
    if (!locked) throw new Error(`Cannot pack ${folder}: package-lock.json does not know it`);
    found.add(folder);
    if (locked.link && locked.resolved) waiting.push(locked.resolved);
    for (const name of neededBy(locked)) {
      const needed = locate(packages, folder, name);
      if (needed !== undefined) waiting.push(needed);
      else if (locked.dependencies?.[name]) throw new Error(`Cannot pack ${folder}: package-lock.json has no ${name}`);
    }
  }
  return [...found].sort();
}

// Some packages count types among their dependencies; nothing loads them.
function neededBy(locked: LockedPackage): string[] {
  const peers = Object.keys(locked.peerDependencies ?? {});
  return [
    ...Object.keys(locked.dependencies ?? {}),
    ...Object.keys(locked.optionalDependencies ?? {}),
    ...peers.filter((name) => !locked.peerDependenciesMeta?.[name]?.optional),
  ].filter((name) => !name.startsWith("@types/"));
}

// As Node looks for it: in the folder's own node_modules, then in those of the folders above.
function locate(packages: LockedPackages, folder: string, name: string): string | undefined {
  for (let above = folder; ; above = above.slice(0, Math.max(0, above.lastIndexOf("/")))) {
    const candidate = above === "" ? `node_modules/${name}` : `${above}/node_modules/${name}`;
    if (candidate in packages) return candidate;
    if (above === "") return undefined;
  }
}
