// One folder for everything that a test run writes, and a process that outlives the run, however it ends, to stop and delete what
// is left in it.
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Called once for each project; they share one folder. */
export default function setup(): void {
  if (process.env.ROW_TEST_FOLDER) return;
  // Short: paths of sockets end at 107 characters.
  const folder = mkdtempSync(join(tmpdir(), "row-"));
  chmodSync(folder, 0o711); // as root, Postgres runs as another user, who has to get to folders below
  process.env.ROW_TEST_FOLDER = folder;
  // What starts hundreds of times is translated and compiled once. Coverage would miss what comes from there.
  if (!process.argv.some((word) => word.startsWith("--coverage"))) {
    process.env.NODE_COMPILE_CACHE ??= join(folder, "compiled");
  }
  // In a session of its own: Ctrl-C ends the run, not this. Its standard input closes when the run is gone.
  const sweeper = spawn(process.execPath, [join(import.meta.dirname, "sweep.ts"), folder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  sweeper.unref();
  if (sweeper.stdin instanceof Socket) sweeper.stdin.unref();
}
