/** How Node runs each program of a shop: from a bundle, which saves the memory of its TypeScript compiler, or from its sources. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@row/topology/row-error.ts";
import { discoverServices, type ServiceManifest } from "@row/topology/service-manifest.ts";
import { bundle } from "./build.ts";
import { FORM, type Sources } from "./compile.ts";
import { fingerprintOf } from "./sources.ts";

/** A small young generation saves 20 MB a process; an even smaller one would collect all the time. */
const FLAGS = ["--max-semi-space-size=8"];

/** Bundles that no process runs from, kept for when their sources are back. */
const MOST_KEPT = 4;

/** The observer is a program too, and no service. */
export function observerProgram(checkout: string): string {
  return join(checkout, "mesh/src/observer/main.ts");
}

export function serviceProgram({ folder }: Pick<ServiceManifest, "folder">): string {
  return join(folder, "src/main.ts");
}

interface Bundle {
  readonly folder: string;
  /** A program's file in the folder, by the source that it is made of. */
  readonly files: ReadonlyMap<string, string>;
}

/** The programs of the checkouts that a shop runs. */
export class Programs {
  readonly #folder: string;
  readonly #isBundled: boolean;
  readonly #report: (text: string) => void;
  /** By checkout; undefined for one that cannot be bundled. */
  readonly #bundles = new Map<string, Bundle | undefined>();
  #turn: Promise<void> = Promise.resolve();

  /** Bundles lie in the state folder. Without `isBundled` everything runs from its sources. */
  constructor(stateDir: string, isBundled: boolean, report: (text: string) => void) {
    this.#folder = join(stateDir, "bundles");
    this.#isBundled = isBundled;
    this.#report = report;
  }

  /** Bundles a checkout as it is now, unless it was bundled before; whatever is started from now on runs that. */
  prepare(checkout: string): Promise<void> {
    // One at a time: the bundler is ended when it is done.
    if (this.#isBundled) this.#turn = this.#turn.then(() => this.#prepare(checkout));
    return this.#turn;
  }

  async #prepare(checkout: string): Promise<void> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    try {
      this.#bundles.set(checkout, await this.#bundleOf(checkout));
    } catch (error) {
      this.#bundles.set(checkout, undefined);
      const [reason] = messageOf(error).trim().split("\n").slice(-1);
      this.#report(`runs the TypeScript of ${checkout}, which cannot be bundled: ${reason}`);
    }
    this.#deleteOld();
  }

  /** Does so again for every checkout that is in use, as their sources may have changed. */
  async refresh(): Promise<void> {
    for (const checkout of [...this.#bundles.keys()]) await this.prepare(checkout);
  }

  /** A checkout that is no longer run from. */
  forget(checkout: string): void {
    this.#bundles.delete(checkout);
  }

  /** What Node is started with to run the program that a source file is. */
  argumentsFor(source: string): readonly string[] {
    for (const found of this.#bundles.values()) {
      const file = found?.files.get(source);
      if (file) return [...FLAGS, file];
    }
    return [...FLAGS, source];
  }

  async #bundleOf(checkout: string): Promise<Bundle> {
    const { version } = await import("esbuild");
    const programs = programsOf(checkout);
    const folder = join(this.#folder, fingerprintOf(checkout, `esbuild ${version}, ${FORM}`));
    if (existsSync(folder)) utimesSync(folder, new Date(), new Date());
    else await bundle(checkout, programs, folder);
    return {
      folder,
      files: new Map(Object.entries(programs).map(([name, source]) => [source, join(folder, `${name}.mjs`)])),
    };
  }

  #deleteOld(): void {
    const used = new Set([...this.#bundles.values()].map((found) => found?.folder));
    const idle = readdirSync(this.#folder)
      .map((name) => join(this.#folder, name))
      .filter((folder) => !used.has(folder))
      .map((folder) => ({ folder, usedAt: statSync(folder).mtimeMs }))
      .sort((a, b) => b.usedAt - a.usedAt);
    for (const { folder } of idle.slice(MOST_KEPT)) rmSync(folder, { recursive: true, force: true });
  }
}

function programsOf(checkout: string): Sources {
  const services = discoverServices(checkout).map((service) => [service.name, serviceProgram(service)] as const);
  const all = [...services, ["observer", observerProgram(checkout)] as const];
  return Object.fromEntries(all.filter(([, source]) => existsSync(source)));
}
