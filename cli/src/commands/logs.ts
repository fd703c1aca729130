/** `row logs`: what processes have written. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Installation } from "@row/laptop/installation.ts";
import { RowError } from "@row/topology/row-error.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { Command } from "commander";

export function logsCommand(here: () => Installation): Command {
  return new Command("logs")
    .description("print logs, of every process or of one")
    .argument("[process]", "a service, a store or an instance, such as orders or postgres")
    .option("-f, --follow", "go on printing what is added")
    .option("-n, --lines <count>", "how many of the last lines of each log to print", "50")
    .action((name: string | undefined, options: { follow?: boolean; lines: string }) => logs(here(), name, options));
}

const POLL_MS = 200;

export async function logs(
  { stateDir, root }: Installation,
  name: string | undefined,
  { follow, lines }: { follow?: boolean; lines: string },
): Promise<void> {
  const count = Number(lines);
  if (!Number.isInteger(count) || count < 0) throw new RowError(`Cannot print ${lines} lines: give a whole number`);
  const services = discoverServices(root).map((service) => service.name);
  const instances = pickLogs(stateDir, name, services);
  const label = (instance: string) => (instances.length > 1 ? `${instance} | ` : "");
  const read = new Map<string, number>();
  for (const instance of instances) {
    const file = join(stateDir, "logs", `${instance}.log`);
    const text = readFileSync(file, "utf8");
    read.set(file, Buffer.byteLength(text));
    const all = text.split("\n").filter(Boolean);
    for (const line of count === 0 ? [] : all.slice(-count)) console.log(label(instance) + line);
  }
  while (follow) {
    await sleep(POLL_MS);
    for (const instance of instances) printAdded(join(stateDir, "logs", `${instance}.log`), read, label(instance));
  }
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

function printAdded(file: string, read: Map<string, number>, label: string): void {
  const size = sizeOf(file);
  const seen = read.get(file) ?? 0;
  // A log that became shorter was moved away and begun anew.
  const from = size < seen ? 0 : seen;
  if (size === from) return;
  const fd = openSync(file, "r");
  const buffer = Buffer.alloc(size - from);
  const length = readSync(fd, buffer, 0, buffer.length, from);
  closeSync(fd);
  const end = buffer.lastIndexOf("\n", length) + 1;
  read.set(file, from + end);
  for (const line of buffer.toString("utf8", 0, end).split("\n").filter(Boolean)) console.log(label + line);
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
