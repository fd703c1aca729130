/** Makes one file of plain JavaScript of each program of a checkout: our code only, packages stay where they are installed. */
import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { RowError } from "@row/topology/row-error.ts";
import type { Plugin } from "esbuild";
import { boundToTheirPlace } from "./sources.ts";

/** The main files of programs, by the names that their bundles get. */
export type Sources = Readonly<Record<string, string>>;

/** Whatever is not ours is imported at run time. */
const PACKAGES_STAY_OUTSIDE: Plugin = {
  name: "packages-stay-outside",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === "entry-point" || path.startsWith("@row/") ? undefined : { path, external: true },
    );
  },
};

/** Bundles the programs into a folder, which appears complete or not at all. Throws where a checkout cannot be bundled. */
export async function bundle(checkout: string, programs: Sources, folder: string): Promise<void> {
  const esbuild = await import("esbuild");
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  try {
    const { metafile } = await esbuild.build({
      absWorkingDir: checkout,
      entryPoints: { ...programs },
      outdir: unfinished,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node26",
      plugins: [PACKAGES_STAY_OUTSIDE],
      sourcemap: "linked",
      sourcesContent: false,
      metafile: true,
      logLevel: "silent",
    });
    const bound = boundToTheirPlace(checkout, Object.keys(metafile.inputs));
    if (bound.length > 0) throw new RowError(`${bound.join(", ")} would look for files beside the bundle`);
    symlinkSync(join(checkout, "node_modules"), join(unfinished, "node_modules"));
    rmSync(folder, { recursive: true, force: true });
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
    // It is a process of its own, which would stay and keep its memory.
    await esbuild.stop();
  }
}
