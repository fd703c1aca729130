import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { InvalidResources } from "@row/mesh/resources/problem.ts";
import { loadResources, problemsBetween, readResources } from "@row/mesh/resources/read.ts";
import { nameOf, type Resource } from "@row/mesh/resources/resource.ts";
import { writeResource } from "@row/mesh/resources/write.ts";
import { replaceFile } from "@row/topology/replace-file.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";

export interface Changes {
  readonly put?: readonly Resource[];
  readonly delete?: readonly Resource[];
}

export type ResourceChange = "created" | "configured" | "unchanged" | "deleted";

/** What the resources would be after a change, to be tried before it is kept. */
export interface Plan {
  readonly resources: readonly Resource[];
  readonly outcomes: readonly { readonly resource: Resource; readonly outcome: ResourceChange }[];
  readonly overlay: Overlay;
}

/** What was changed by hand: a resource as it is now, or one of the repository's that was deleted. */
type Overlay = ReadonlyMap<string, Resource | "deleted">;

/** The folders of a repository that hold the resources it comes with. */
const BASE_FOLDERS = ["services", "policy", "routes"];

/** The resources of a shop: the repository's, and over them what was applied and deleted, which outlives a restart. */
export class ResourceStore {
  readonly #base: ReadonlyMap<string, Resource>;
  readonly #file: string;
  #overlay: Overlay;

  /** @param since when the repository's resources count as applied */
  constructor(root: string, file: string, since: Date) {
    const folders = BASE_FOLDERS.map((name) => join(root, "mesh", name)).filter((folder) => existsSync(folder));
    const shown = ({ source, ...resource }: Resource): Resource =>
      ({ ...resource, source: { ...source, file: relative(root, source.file) } }) as Resource; // the same with another source
    this.#base = byName(readBase(folders).map((resource) => withTime(shown(resource), undefined, since)));
    this.#file = file;
    this.#overlay = readOverlay(file);
  }

  get resources(): readonly Resource[] {
    return merged(this.#base, this.#overlay);
  }

  /** What is kept now, as a plan to go back to. */
  get current(): Plan {
    return { resources: this.resources, outcomes: [], overlay: this.#overlay };
  }

  find(kind: string, name: string): Resource | undefined {
    return this.resources.find((resource) => resource.kind === kind && resource.metadata.name === name);
  }

  /** What a change would lead to. Throws InvalidResources when resources would contradict each other. */
  plan({ put = [], delete: gone = [] }: Changes, now = new Date()): Plan {
    const problems = problemsBetween(put);
    if (problems.length > 0) throw new InvalidResources(problems);
    const overlay = new Map(this.#overlay);
    const current = byName(this.resources);
    const outcomes = [
      ...put.map((resource) => {
        const name = nameOf(resource);
        const existing = current.get(name);
        const timed = withTime(resource, existing, now);
        const base = this.#base.get(name);
        if (base && isSame(base, resource)) overlay.delete(name);
        else overlay.set(name, timed);
        const outcome: ResourceChange = !existing ? "created" : isSame(existing, resource) ? "unchanged" : "configured";
        return { resource: timed, outcome };
      }),
      ...gone.map((resource) => {
        const name = nameOf(resource);
        if (this.#base.has(name)) overlay.set(name, "deleted");
        else overlay.delete(name);
        return { resource, outcome: "deleted" as const };
      }),
    ];
    const resources = merged(this.#base, overlay);
    const between = problemsBetween(resources);
    if (between.length > 0) throw new InvalidResources(between);
    return { resources, outcomes, overlay };
  }

  /** Keeps a change. */
  commit({ overlay }: Plan): void {
    this.#overlay = overlay;
    if (overlay.size === 0) {
      rmSync(this.#file, { force: true });
      return;
    }
    const entries = [...overlay].map(([name, entry]) =>
      entry === "deleted" ? { deleted: name } : { manifest: writeResource(entry), source: entry.source },
    );
    replaceFile(this.#file, `${JSON.stringify(entries, null, 2)}\n`);
  }

  /** Goes back to what the repository says; what was changed by hand stays in a file beside it, whose name is answered. */
  setAside(): string {
    const aside = `${this.#file}.refused`;
    renameSync(this.#file, aside);
    this.#overlay = new Map();
    return aside;
  }

  get isChanged(): boolean {
    return this.#overlay.size > 0;
  }
}

function readBase(folders: string[]): Resource[] {
  try {
    return loadResources(folders);
  } catch (error) {
    if (error instanceof InvalidResources) throw new RowError(error.message);
    throw error;
  }
}

function readOverlay(file: string): Overlay {
  if (!existsSync(file)) return new Map();
  const overlay = new Map<string, Resource | "deleted">();
  try {
    for (const { deleted, manifest, source } of JSON.parse(readFileSync(file, "utf8"))) {
      if (deleted) overlay.set(deleted, "deleted");
      else {
        const { resources, problems } = readResources(manifest, source.file);
        if (problems.length > 0) throw new InvalidResources(problems);
        for (const resource of resources) overlay.set(nameOf(resource), { ...resource, source });
      }
    }
  } catch (error) {
    throw new RowError(
      `Cannot read what was applied to the mesh, ${file}: ${messageOf(error)}\nMove it away to start from the repository's resources`,
    );
  }
  return overlay;
}

function byName(resources: readonly Resource[]): Map<string, Resource> {
  return new Map(resources.map((resource) => [nameOf(resource), resource]));
}

function merged(base: ReadonlyMap<string, Resource>, overlay: Overlay): Resource[] {
  const all = new Map(base);
  for (const [name, entry] of overlay) {
    if (entry === "deleted") all.delete(name);
    else all.set(name, entry);
  }
  return [...all.values()];
}

// When it was first applied decides between routes that match equally well, as in a cluster.
function withTime(resource: Resource, existing: Resource | undefined, now: Date): Resource {
  const first = existing?.metadata.creationTimestamp ?? resource.metadata.creationTimestamp;
  const creationTimestamp = first ?? `${now.toISOString().slice(0, 19)}Z`;
  return { ...resource, metadata: { ...resource.metadata, creationTimestamp } };
}

function isSame(a: Resource, b: Resource): boolean {
  const essence = ({ source: _, metadata: { creationTimestamp: __, ...metadata }, ...rest }: Resource) =>
    sorted({ ...rest, metadata });
  return JSON.stringify(essence(a)) === JSON.stringify(essence(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]));
}
