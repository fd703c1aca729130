/** The code of another commit, checked out and installed in a folder of its own, to run beside this one. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
/** Outside the clone, whose tools would read it, and outside node_modules, where Node does not run TypeScript. */
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "canary-row", "checkouts");
/** Installed checkouts take about a gigabyte each. */
const KEPT = 2;

/** The full id of a commit by any of its names; undefined where this clone does not hold it, as a shallow one may not. */
export function commitAt(ref: string): string | undefined {
  const { status, stdout } = spawnSync("git", ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`], {
    cwd: root,
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : undefined;
}

/** Checks a commit out and installs it, unless that was done before. Answers with its folder. Throws what npm says. */
export function checkOut(commit: string): string {
  const folder = join(CACHE, commit);
  if (existsSync(folder)) return folder;
  forgetAllBut(KEPT - 1);
  const unfinished = `${folder}.unfinished`;
  mkdirSync(unfinished, { recursive: true });
  const archive = join(unfinished, "archive.tar");
  writeFileSync(archive, execFileSync("git", ["archive", commit], { cwd: root, maxBuffer: 256 * 1024 * 1024 }));
  execFileSync("tar", ["--extract", "--file", archive, "--directory", unfinished]);
  rmSync(archive);
  // Not this run's npm settings, but those that a person has who checks the commit out.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const stdio: ["ignore", "ignore", "inherit"] = ["ignore", "ignore", "inherit"];
  execFileSync("npm", ["ci", "--no-progress", "--loglevel=error"], { cwd: unfinished, env, stdio });
  renameSync(unfinished, folder);
  return folder;
}

function forgetAllBut(kept: number): void {
  if (!existsSync(CACHE)) return;
  const names = readdirSync(CACHE);
  const whole = names.filter((name) => !name.includes(".")).sort();
  const gone = [...names.filter((name) => name.includes(".")), ...whole.slice(0, Math.max(0, whole.length - kept))];
  for (const name of gone) rmSync(join(CACHE, name), { recursive: true, force: true });
}
