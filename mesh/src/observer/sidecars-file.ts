import { readFileSync, unwatchFile, watchFile } from "node:fs";
import type { BreakerPolicy } from "./failure-accrual.ts";

/** What the supervisor tells the observer, as JSON; replaced as a whole whenever it changes. */
export interface SidecarsFile {
  readonly sidecars: readonly SidecarEntry[];
  /** Instances that the supervisor keeps out of every backend: never let back in by the observer. */
  readonly notReady: readonly string[];
}

export interface SidecarEntry {
  /** "orders-v1-1" */
  readonly instance: string;
  readonly service: string;
  readonly version: string;
  /** HAProxy's runtime API. */
  readonly statsSocket: string;
  /** Circuit breaking of the calls that this sidecar sends out, by the called Service; none for those that are missing. */
  readonly breakers: Readonly<Record<string, BreakerPolicy>>;
}

const LOOK_EVERY_MS = 250;

/** Reads the file now and after each change; a file that is missing lists nothing, a bad one changes nothing. */
export function followSidecars(
  path: string,
  onChange: (file: SidecarsFile) => void,
  onProblem: (reason: string) => void,
): () => void {
  const read = () => {
    const text = textOf(path);
    if (text === undefined) return onChange({ sidecars: [], notReady: [] });
    try {
      onChange(parseSidecars(text));
    } catch (error) {
      onProblem(`Cannot use ${path}: ${error instanceof Error ? error.message : error}`);
    }
  };
  watchFile(path, { interval: LOOK_EVERY_MS }, read);
  read();
  return () => unwatchFile(path, read);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Throws an Error that says which entry is wrong. */
export function parseSidecars(text: string): SidecarsFile {
  const file: unknown = JSON.parse(text);
  if (!isObject(file) || !Array.isArray(file.sidecars)) throw new Error('it has no list "sidecars"');
  const { notReady = [] } = file;
  if (!Array.isArray(notReady)) throw new Error('"notReady" is no list');
  return { sidecars: file.sidecars.map(entry), notReady: notReady.map(String) };
}

function entry(value: unknown, index: number): SidecarEntry {
  if (!isObject(value)) throw new Error(`sidecar ${index} is no object`);
  const text = (key: string) => {
    const found = value[key];
    if (typeof found === "string" && found !== "") return found;
    throw new Error(`sidecar ${index} has no ${key}`);
  };
  const { breakers = {} } = value;
  if (!isObject(breakers)) throw new Error(`the breakers of sidecar ${index} are no object`);
  return {
    instance: text("instance"),
    service: text("service"),
    version: text("version"),
    statsSocket: text("statsSocket"),
    breakers: Object.fromEntries(
      Object.entries(breakers).map(([service, policy]) => [service, breaker(policy, `sidecar ${index}, ${service}`)]),
    ),
  };
}

function breaker(value: unknown, where: string): BreakerPolicy {
  const number = (key: string, atLeast: number) => {
    const found = isObject(value) ? value[key] : undefined;
    if (typeof found === "number" && found >= atLeast) return found;
    throw new Error(`${where}: ${key} is not a number from ${atLeast}`);
  };
  return {
    maxFailures: number("maxFailures", 1),
    minPenaltyMs: number("minPenaltyMs", 0),
    maxPenaltyMs: number("maxPenaltyMs", 0),
    jitterRatio: number("jitterRatio", 0),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
