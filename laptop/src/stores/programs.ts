import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { redisUses } from "@row/topology/redis.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";

/** The servers that npm does not carry, under the names Debian and Homebrew give both program and package. */
const PROGRAMS = ["haproxy", "nats-server", "redis-server"] as const;

export type Program = (typeof PROGRAMS)[number];
export type Programs = Record<Program, string>;

/** The servers that a shop of these services stands on. */
export function programsFor(services: readonly Pick<ServiceManifest, "redis">[]): Program[] {
  return redisUses(services).length > 0 ? [...PROGRAMS] : ["haproxy", "nats-server"];
}

// Debian puts servers where an ordinary user's PATH does not look.
const EXTRA_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/local/bin", "/opt/homebrew/bin"];

export interface ProgramSearch {
  folders?: string[];
  say?: (line: string) => void;
  /** Whether somebody is there to answer a question. */
  interactive?: boolean;
  installScript?: string;
}

/** Finds the servers that are wanted; installs the missing ones as root, asks on a terminal, and otherwise says what to run. */
export async function findPrograms(wanted: readonly Program[], search: ProgramSearch = {}): Promise<Programs> {
  const { missing } = locatePrograms(wanted, search.folders);
  if (missing.length > 0) await install(missing, search);
  const { found, missing: still } = locatePrograms(wanted, search.folders);
  if (still.length > 0) throw new RowError(`Missing ${still.join(", ")}: run\n  ${installCommand(still)}`);
  return found;
}

/** Where the servers are, and which of those that are wanted are missing. */
export function locatePrograms(
  wanted: readonly Program[],
  folders: string[] = searchFolders(),
): { found: Programs; missing: Program[] } {
  const found: Programs = { haproxy: "", "nats-server": "", "redis-server": "" };
  for (const program of PROGRAMS) {
    found[program] = folders.map((folder) => join(folder, program)).find(isExecutable) ?? "";
  }
  return { found, missing: wanted.filter((program) => found[program] === "") };
}

function searchFolders(): string[] {
  return [...(process.env.PATH ?? "").split(delimiter), ...EXTRA_FOLDERS].filter(Boolean);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const script = join(import.meta.dirname, "../../../scripts/install-servers.sh");

/** What installs servers, as it is typed. */
export function installCommand(missing: Program[]): string {
  return shown(installWords(missing));
}

function installWords(missing: Program[]): string[] {
  return process.platform === "darwin"
    ? ["brew", "install", ...missing.map((program) => (program === "redis-server" ? "redis" : program))]
    : ["sudo", "sh", script, ...missing];
}

function shown(words: string[]): string {
  return words.map((word) => (/[^\w./-]/.test(word) ? `'${word}'` : word)).join(" ");
}

async function install(missing: Program[], search: ProgramSearch): Promise<void> {
  const say = search.say ?? (() => {});
  const isRoot = process.getuid?.() === 0;
  const hasApt = isExecutable("/usr/bin/apt-get");
  if (isRoot && hasApt) {
    say(`Installing ${missing.join(", ")} with apt (no daemon is started)`);
    run(["sh", search.installScript ?? script, ...missing]);
    return;
  }
  if (!search.interactive || (!hasApt && process.platform !== "darwin")) return;
  say(`Missing ${missing.join(", ")}. They can be installed with\n  ${installCommand(missing)}`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question("Run it now? [y/N] ");
  terminal.close();
  if (/^y(es)?$/i.test(answer.trim())) run(installWords(missing), "inherit");
}

function run([program = "", ...args]: string[], output: "inherit" | "pipe" = "pipe"): void {
  const result = spawnSync(program, args, { stdio: ["inherit", output, output], encoding: "utf8" });
  if (result.status === 0) return;
  const lastLines = [result.stdout, result.stderr].join("\n").trim().split("\n").slice(-3).join("\n");
  throw new RowError(`Cannot install with "${program} ${args.join(" ")}"${lastLines ? `:\n${lastLines}` : ""}`);
}
