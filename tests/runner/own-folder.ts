// Gives each process of test files a temporary folder of its own, in which they and whatever they start keep their files.
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const { ROW_TEST_FOLDER, VITEST_WORKER_ID = "0" } = process.env;
const folder = join(ROW_TEST_FOLDER ?? "", VITEST_WORKER_ID);
if (ROW_TEST_FOLDER && process.env.TMPDIR !== folder) {
  // While watching, an earlier run's file may have left something here.
  if (existsSync(folder)) await import("./tidy-up.ts").then(({ tidyUp }) => tidyUp(folder));
  mkdirSync(folder);
  chmodSync(folder, 0o711); // whatever the umask: as root, Postgres runs as another user
  process.env.TMPDIR = folder;
}
// What tests start runs as it does anywhere else.
if (process.env.NODE_ENV === "test") delete process.env.NODE_ENV;
