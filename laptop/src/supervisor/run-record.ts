import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { replaceFile } from "@row/topology/replace-file.ts";
import { isAlive, type ProcessIdentity } from "./process-identity.ts";

export interface RecordedProcess extends ProcessIdentity {
  name: string;
  stopSignal: NodeJS.Signals;
}

/** The processes of a shop on disk, so that they can be found and stopped after their supervisor was killed. */
export class RunRecord {
  readonly #file: string;
  readonly #processes = new Map<string, RecordedProcess>();

  constructor(stateDir: string) {
    this.#file = recordFile(stateDir);
  }

  set(process: RecordedProcess): void {
    this.#processes.set(process.name, process);
    this.#write();
  }

  delete(name: string): void {
    if (this.#processes.delete(name)) this.#write();
  }

  #write(): void {
    // A late exit may be reported after the state folder was removed by its owner.
    try {
      if (this.#processes.size === 0) rmSync(this.#file, { force: true });
      else {
        replaceFile(this.#file, JSON.stringify([...this.#processes.values()], null, 2));
      }
    } catch {}
  }
}

const PATIENCE_MS = 10_000;

/** What an earlier supervisor of this state folder left running. */
export function leftoversOf(stateDir: string): RecordedProcess[] {
  return readRecord(recordFile(stateDir)).filter(isAlive);
}

/** Stops what an earlier supervisor of this state folder left behind; answers the names of what it stopped. */
export async function stopLeftovers(stateDir: string): Promise<string[]> {
  const leftovers = leftoversOf(stateDir);
  // As in an orderly stop: services flush what they hold, through their sidecars, and stores come last.
  const stores = leftovers.filter(({ name }) => /^(postgres|nats|redis)/.test(name));
  const mesh = leftovers.filter(({ name }) => /^(toolbox-.*|observer|.*-sidecar)$/.test(name));
  const edge = leftovers.filter(({ name }) => /^edge-v\d+-\d+( \(leaving\))?$/.test(name));
  const load = leftovers.filter(({ name }) => name === "load");
  const services = leftovers.filter((process) => ![stores, mesh, edge, load].some((group) => group.includes(process)));
  for (const group of [load, edge, services, mesh, stores]) await stopAll(group);
  rmSync(recordFile(stateDir), { force: true });
  return leftovers.map(({ name }) => name);
}

async function stopAll(processes: RecordedProcess[]): Promise<void> {
  for (const { pid, stopSignal } of processes) signal(pid, stopSignal);
  const end = performance.now() + PATIENCE_MS;
  while (processes.some(isAlive) && performance.now() < end) await sleep(25);
  for (const { pid } of processes.filter(isAlive)) signal(-pid, "SIGKILL");
  while (processes.some(isAlive)) await sleep(10);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

function recordFile(stateDir: string): string {
  return join(stateDir, "processes.json");
}

function readRecord(file: string): RecordedProcess[] {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return [];
  }
}
