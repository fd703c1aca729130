/**
 * Makes one file of plain JavaScript of each program of a checkout: our code only, packages stay where they are installed. It
 * needs no workspace, so that the build of an image can run it.
 */
import type { Plugin } from "esbuild";
import { boundToTheirPlace } from "./sources.ts";

/** The main files of programs, by the names that their bundles get. */
export type Sources = Readonly<Record<string, string>>;

/** Without the maps a stack would name lines of the bundle. */
export const READS_MAPS = "--enable-source-maps";

/** Whatever is not ours is imported at run time. */
const PACKAGES_STAY_OUTSIDE: Plugin = {
  name: "packages-stay-outside",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === "entry-point" || path.startsWith("@row/") ? undefined : { path, external: true },
    );
  },
};

/** Writes each program, and its map, into a folder. Throws where a checkout cannot be bundled. */
export async function compile(checkout: string, programs: Sources, folder: string): Promise<void> {
  const esbuild = await import("esbuild");
  try {
    const { metafile } = await esbuild.build({
      absWorkingDir: checkout,
      entryPoints: { ...programs },
      outdir: folder,
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
    if (bound.length > 0) throw new Error(`${bound.join(", ")} would look for files beside the bundle`);
  } finally {
    // It is a process of its own, which would stay and keep its memory.
    await esbuild.stop();
  }
}
