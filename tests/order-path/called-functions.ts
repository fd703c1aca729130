/**
 * Counts which of the project's files a process calls into: `node --import` of this file. Each SIGUSR2 writes those with a function that
 * was called since the one before, a line each, to the next file in the folder that CALLED_FOLDER names.
 */
import { renameSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(import.meta.dirname, "../..");
const folder = process.env.CALLED_FOLDER;

if (folder !== undefined) {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  let looks = 0;
  process.on("SIGUSR2", async () => {
    // Each look begins to count anew.
    const { result } = await session.post("Profiler.takePreciseCoverage");
    const called = result.flatMap(({ url, functions }) =>
      functions.some(({ ranges }) => (ranges[0]?.count ?? 0) > 0) ? (ownFile(url) ?? []) : [],
    );
    looks += 1;
    const written = join(folder, `${process.pid}-${looks}`);
    writeFileSync(`${written}.part`, called.join("\n"));
    renameSync(`${written}.part`, written);
  });
}

/** From the project's root; undefined for what others wrote, for what is generated and for this file. */
function ownFile(url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  const path = fileURLToPath(url);
  const file = relative(root, path);
  const isForeign = file.startsWith("..") || file.includes("node_modules/") || file.startsWith("gen/");
  return isForeign || path === import.meta.filename ? undefined : file;
}
