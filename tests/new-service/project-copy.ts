/** A copy of this checkout, with its packages, in which a test may do what a person would do to theirs. */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

/** Copies what git knows and what it would be told, the packages and what is generated. */
export function copyProject(root: string, folder: string): void {
  const options = { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 } as const;
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], options);
  const gone = execFileSync("git", ["ls-files", "-z", "--deleted"], options).split("\0");
  for (const file of files.split("\0").filter((file) => file !== "" && !gone.includes(file))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    copyFileSync(join(root, file), join(folder, file));
  }
  cpSync(join(root, "gen"), join(folder, "gen"), { recursive: true });
  copyPackages(join(root, "node_modules"), join(folder, "node_modules"));
}

/** Hard links where the file system has them: a gigabyte is not copied twice. */
function copyPackages(from: string, to: string): void {
  if (spawnSync("cp", ["-al", from, to]).status !== 0) {
    rmSync(to, { recursive: true, force: true });
    execFileSync("cp", ["-a", from, to]);
  }
  // npm writes into this one, which would be the original's too.
  const record = ".package-lock.json";
  rmSync(join(to, record));
  copyFileSync(join(from, record), join(to, record));
}
