/**
 * Counts which of the project's functions a process calls: `node --import` of this file. Each SIGUSR2 writes those called since the one
 * before, as "file function" lines, to the next file in the folder that CALLED_FOLDER names.
 */
import { renameSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(import.meta.dirname, "../..");
const folder = process.env.CALLED_FOLDER;
let looks = 0;

if (folder !== undefined) {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  process.on("SIGUSR2", async () => {
    const { result } = await session.post("Profiler.takePreciseCoverage");
    const lines = result.flatMap(({ url, functions }) => {
      const file = ownFile(url);
      if (file === undefined) return [];
      return functions
        .filter(({ ranges }) => (ranges[0]?.count ?? 0) > 0)
        .map(({ functionName }) => `${file} ${functionName}`);
    });
    looks += 1;
    const written = join(folder, `${process.pid}-${looks}`);
    writeFileSync(`${written}.part`, lines.join("\n"));
    renameSync(`${written}.part`, written);
  });
}

/** From the project's root; undefined for what others wrote, for what is generated, and for this file. */
function ownFile(url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  const path = fileURLToPath(url);
  const file = relative(root, path);
  const isForeign = file.startsWith("..") || file.includes("node_modules/") || file.startsWith("gen/");
  return isForeign || path === import.meta.filename ? undefined : file;
}
