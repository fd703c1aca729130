/** `row logs`: what processes have written, merged by time. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Installation } from "@row/laptop/installation.ts";
import { askStatus } from "@row/laptop/supervisor/control-client.ts";
import { supervisorOf } from "@row/laptop/supervisor/lock.ts";
import { RowError } from "@row/topology/row-error.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { Command } from "commander";
import { versioned } from "../colours.ts";
import { milliseconds } from "../durations.ts";
import { isAtLeast, LEVELS, type LogLine, readLine, render } from "../log-lines.ts";

const POLL_MS = 200;

interface LogsFlags {
  follow?: boolean;
  lines: string;
  since?: string;
  level?: string;
  grep?: string;
  json?: boolean;
  all?: boolean;
}

export function logsCommand(here: () => Installation): Command {
  return new Command("logs")
    .description("print logs, of every process that runs or of one, in the order of time")
    .argument("[process]", "a service, a store or an instance, such as orders or postgres")
    .option("-f, --follow", "go on printing what is added")
    .option("-n, --lines <count>", "how many of the last lines of each log to print", "50")
    .option("--since <time>", "only what was written since then: 90s, 5m, 2h or a time such as 2026-11-30T12:00:00Z")
    .option("--level <level>", `only lines at least as bad: ${LEVELS.join(", ")}`)
    .option("--grep <pattern>", "only lines that match a regular expression")
    .option("--json", "print lines as they were written, not for reading")
    .option("-a, --all", "also of processes that are gone")
    .action((name: string | undefined, flags: LogsFlags) => logs(here(), name, flags));
}

async function logs(installation: Installation, name: string | undefined, flags: LogsFlags): Promise<void> {
  const { stateDir, root } = installation;
  const { lines, follow, json } = flags;
  const count = Number(lines);
  if (!Number.isInteger(count) || count < 0) throw new RowError(`Cannot print ${lines} lines: give a whole number`);
  const isWanted = filterOf(flags);
  const services = discoverServices(root).map((service) => service.name);
  const present = name || flags.all ? undefined : await runningInstances(stateDir);
  const picked = pickLogs(stateDir, name, services);
  const running = picked.filter((instance) => present?.has(instance) ?? true);
  const instances = running.length > 0 ? running : picked;
  const width = Math.max(...instances.map((instance) => instance.length));
  const show = (line: LogLine) => {
    const text = json ? line.text : render(line);
    console.log(instances.length > 1 ? `${versioned(line.instance.padEnd(width))} | ${text}` : text);
  };
  const read = new Map<string, Place>();
  const earlier = instances.flatMap((instance) => {
    const file = join(stateDir, "logs", `${instance}.log`);
    const text = readFileSync(file, "utf8");
    const all = linesOf(instance, text, 0);
    read.set(instance, { file, offset: Buffer.byteLength(text), timeMs: all.at(-1)?.timeMs ?? 0 });
    const wanted = all.filter(isWanted);
    return count === 0 ? [] : wanted.slice(-count);
  });
  // Lines of one time stay in the order in which their process wrote them.
  for (const line of earlier.sort((a, b) => a.timeMs - b.timeMs)) show(line);
  while (follow) {
    await sleep(POLL_MS);
    const added = instances.flatMap((instance) => readAdded(instance, read)).filter(isWanted);
    for (const line of added.sort((a, b) => a.timeMs - b.timeMs)) show(line);
  }
}

/** How far a log has been read. */
interface Place {
  readonly file: string;
  readonly offset: number;
  readonly timeMs: number;
}

function linesOf(instance: string, text: string, beforeMs: number): LogLine[] {
  const lines: LogLine[] = [];
  for (const one of text.split("\n").filter(Boolean)) {
    lines.push(readLine(instance, one, lines.at(-1)?.timeMs ?? beforeMs));
  }
  return lines;
}

function filterOf({ since, level, grep }: LogsFlags): (line: LogLine) => boolean {
  const sinceMs = since === undefined ? Number.NEGATIVE_INFINITY : sinceTime(since, Date.now());
  if (level !== undefined && !LEVELS.includes(level)) {
    throw new RowError(`Cannot print logs of level ${level}: there are ${LEVELS.join(", ")}`);
  }
  const pattern = grep === undefined ? undefined : patternOf(grep);
  return (line) =>
    line.timeMs >= sinceMs && (level === undefined || isAtLeast(line, level)) && (pattern?.test(line.text) ?? true);
}

/** "5m" before now, or a time. */
export function sinceTime(text: string, nowMs: number): number {
  const agoMs = milliseconds(text);
  const timeMs = agoMs === undefined ? Date.parse(text) : nowMs - agoMs;
  if (Number.isNaN(timeMs)) throw new RowError(`Cannot print logs since ${text}: write 90s, 5m, 2h or a time`);
  return timeMs;
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new RowError(`Cannot search for ${text}: it is no regular expression`);
  }
}

/** Those that the shop has now, with their sidecars; undefined where none runs. */
async function runningInstances(stateDir: string): Promise<ReadonlySet<string> | undefined> {
  if (!supervisorOf(stateDir)) return undefined;
  const { processes } = await askStatus(stateDir);
  const names = processes.flatMap(({ instance, sidecar }) => [instance, ...(sidecar ? [sidecar.instance] : [])]);
  return new Set([...names, "row"]);
}

function pickLogs(stateDir: string, name: string | undefined, services: string[]): string[] {
  const instances = available(stateDir);
  if (instances.length === 0) throw new RowError(`There are no logs in ${stateDir}/logs: the shop was never started`);
  if (!name) return instances;
  const exact = instances.filter((instance) => instance === name);
  // What sidecars say is asked for by their own names.
  const ofService = instances.filter(
    (instance) => !instance.endsWith("-sidecar") && owner(instance, services) === name,
  );
  const picked = exact.length > 0 ? exact : ofService;
  if (picked.length === 0) throw new RowError(`No log of ${name}: there are ${instances.join(", ")}`);
  return picked;
}

// orders means orders-v1-1, orders-v2-1 and orders-seed, but not orders-archive-v1-1.
function owner(instance: string, services: string[]): string | undefined {
  const owners = services.filter((service) => instance.startsWith(`${service}-`));
  return owners.sort((a, b) => b.length - a.length)[0] ?? instance.replace(/-v\d+-\d+$/, "");
}

function available(stateDir: string): string[] {
  try {
    const files = readdirSync(join(stateDir, "logs"));
    return files
      .filter((file) => file.endsWith(".log"))
      .map((file) => file.slice(0, -".log".length))
      .sort();
  } catch {
    return [];
  }
}

/** What was written since it was read last, up to the last whole line. */
function readAdded(instance: string, read: Map<string, Place>): LogLine[] {
  const place = read.get(instance);
  if (!place) return [];
  const { file, offset, timeMs } = place;
  const size = sizeOf(file);
  // A log that became shorter was moved away and begun anew.
  const from = size < offset ? 0 : offset;
  if (size === from) return [];
  const fd = openSync(file, "r");
  const buffer = Buffer.alloc(size - from);
  const length = readSync(fd, buffer, 0, buffer.length, from);
  closeSync(fd);
  const end = buffer.lastIndexOf("\n", length) + 1;
  const lines = linesOf(instance, buffer.toString("utf8", 0, end), timeMs);
  read.set(instance, { file, offset: from + end, timeMs: lines.at(-1)?.timeMs ?? timeMs });
  return lines;
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
