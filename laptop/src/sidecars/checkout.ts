import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import type { Installation } from "../installation.ts";

const run = promisify(execFile);

/**
 * Makes another checkout of the code ready to run, and answers its folder. A folder is used where it is; a git
 * reference is checked out into the state folder. What it lacks is made: node_modules as links to this shop's
 * third-party packages and to its own workspaces, and gen/ from its own contracts.
 */
export async function prepareCheckout(installation: Installation, from: string, name: string): Promise<string> {
  const folder = isFolder(from) ? resolve(from) : await checkOut(installation, from, name);
  try {
    return await makeReady(installation, folder);
  } catch (error) {
    await removeCheckout(installation, folder);
    throw error;
  }
}

async function makeReady(installation: Installation, folder: string): Promise<string> {
  if (!existsSync(join(folder, "services")) || !existsSync(join(folder, "package.json"))) {
    throw new RowError(`Cannot run code from ${folder}: it is no checkout of this project, it has no services/`);
  }
  if (!existsSync(join(folder, "node_modules"))) linkModules(installation.root, folder);
  if (!existsSync(join(folder, GENERATED))) await generate(installation.root, folder);
  return folder;
}

/** Deletes a checkout that was made here; a folder of the user's stays. */
export async function removeCheckout({ root, stateDir }: Installation, folder: string): Promise<void> {
  if (dirname(folder) !== checkouts(stateDir)) return;
  await git(root, "worktree", "remove", "--force", folder).catch(() => {});
  rmSync(folder, { recursive: true, force: true });
}

/** Lets git forget checkouts whose folders are gone. */
export async function forgetCheckouts(root: string): Promise<void> {
  await git(root, "worktree", "prune").catch(() => {});
}

function checkouts(stateDir: string): string {
  return join(stateDir, "mesh", "checkouts");
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

async function checkOut({ root, stateDir }: Installation, reference: string, name: string): Promise<string> {
  const commit = await git(root, "rev-parse", "--verify", "--quiet", `${reference}^{commit}`).catch(() => {
    throw new RowError(`Cannot find ${reference}: it is neither a folder nor a git reference of ${root}`);
  });
  const folder = join(checkouts(stateDir), name);
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  await removeCheckout({ root, stateDir, portBase: 0 }, folder);
  await forgetCheckouts(root);
  try {
    await git(root, "worktree", "add", "--detach", folder, commit.trim());
  } catch (error) {
    throw new RowError(`Cannot check out ${reference}: ${messageOf(error).split("\n").at(-1)}`);
  }
  return folder;
}

async function git(root: string, ...args: string[]): Promise<string> {
  const { stdout } = await run("git", ["-C", root, ...args]);
  return stdout;
}

/** Third-party packages are ours; the project's own are the checkout's. */
function linkModules(root: string, folder: string): void {
  const ours = join(root, "node_modules");
  const links = join(folder, "node_modules");
  mkdirSync(join(links, "@row"), { recursive: true });
  for (const entry of readdirSync(ours)) {
    if (entry !== "@row" && entry !== ".package-lock.json") symlinkSync(join(ours, entry), join(links, entry));
  }
  for (const workspace of workspaces(folder)) {
    const { name } = JSON.parse(readFileSync(join(workspace, "package.json"), "utf8"));
    if (typeof name !== "string" || !name.startsWith("@row/")) continue;
    symlinkSync(relative(join(links, "@row"), workspace), join(links, name));
    // What npm did not lift up to the root.
    const own = join(root, relative(folder, workspace), "node_modules");
    if (existsSync(own) && !existsSync(join(workspace, "node_modules")))
      symlinkSync(own, join(workspace, "node_modules"));
  }
}

function workspaces(folder: string): string[] {
  const { workspaces: patterns } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return (patterns as string[]).flatMap((pattern) => {
    const isOne = !pattern.endsWith("/*");
    const parent = join(folder, isOne ? pattern : pattern.slice(0, -2));
    if (isOne) return existsSync(join(parent, "package.json")) ? [parent] : [];
    return readdirSync(parent)
      .map((name) => join(parent, name))
      .filter((workspace) => existsSync(join(workspace, "package.json")));
  });
}

const GENERATED = "gen/contracts.binpb";

async function generate(root: string, folder: string): Promise<void> {
  // The same sources give the same code, and copying it spares half a minute.
  if (existsSync(join(root, GENERATED)) && sourcesOf(root) === sourcesOf(folder)) {
    cpSync(join(root, "gen"), join(folder, "gen"), { recursive: true });
    return;
  }
  try {
    // As `npm ci` would: what is committed there is not written anew.
    const env = { ...process.env, npm_lifecycle_event: "prepare" };
    await run(process.execPath, ["scripts/generate.ts"], { cwd: folder, env });
  } catch (error) {
    const reason = messageOf(error).trim().split("\n").slice(-3).join(" ");
    throw new RowError(`Cannot generate the code of ${folder}: ${reason}`);
  }
}

/** A fingerprint of everything that gen/ is made of. */
function sourcesOf(folder: string): string {
  const patterns = ["proto/**/*.proto", "buf*.yaml", "{services/*,bench}/prisma/schema.prisma", "scripts/generate.ts"];
  const hash = createHash("sha256");
  for (const file of globSync(patterns, { cwd: folder }).sort()) {
    hash.update(`${file}\0`).update(readFileSync(join(folder, file)));
  }
  return hash.digest("hex");
}
