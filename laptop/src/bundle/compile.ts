/**
 * Makes one file of plain JavaScript of each program of a checkout: our code only, packages stay where they are installed. It
 * needs no workspace, so that the build of an image can run it.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { boundToTheirPlace } from "./sources.ts";

/** The main files of programs, by the names that their bundles get. */
export type Sources = Readonly<Record<string, string>>;

/** How the files in a folder go together, for those who keep them: what was compiled in another form is compiled again. */
export const FORM = "an entry and its program";

/**
 * Without the maps a stack would name lines of the bundle. Node is told of them here and not by its flag: that one maps packages
 * too, and makes pino, which asks who creates a logger, read a whole map that stays in memory.
 */
const entryOf = (program: string) => `import { setSourceMapsSupport } from "node:module";
setSourceMapsSupport(true);
await import("./${program}.mjs");
`;

/** Whatever is not ours is imported at run time. */
const PACKAGES_STAY_OUTSIDE: Plugin = {
  name: "packages-stay-outside",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === "entry-point" || path.startsWith("@row/") ? undefined : { path, external: true },
    );
  },
};

/** Writes each program, its map, and the entry that it is started by, into a folder. Throws where a checkout cannot be bundled. */
export async function compile(checkout: string, programs: Sources, folder: string): Promise<void> {
  const named = Object.entries(programs).map(([name, source]) => ({ name, program: `${name}.program`, source }));
  const esbuild = await import("esbuild");
  try {
    const { metafile } = await esbuild.build({
      absWorkingDir: checkout,
      entryPoints: Object.fromEntries(named.map(({ program, source }) => [program, source])),
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
    for (const { name, program } of named) writeFileSync(join(folder, `${name}.mjs`), entryOf(program));
  } finally {
    // It is a process of its own, which would stay and keep its memory.
    await esbuild.stop();
  }
}
