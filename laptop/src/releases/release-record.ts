/** What a release of a service has to be taken back to: a file for each service, written before anything changes. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { RuleSplit } from "@row/mesh/policy/traffic-split.ts";
import { replaceFile } from "@row/topology/replace-file.ts";
import { codeOf, messageOf, RowError } from "@row/topology/row-error.ts";

export type Strategy = "canary" | "blue-green" | "rolling";

export interface ReleaseRecord {
  readonly service: string;
  readonly strategy: Strategy;
  readonly startedTime: string;
  /** Whether it has got to its end. */
  readonly isDone: boolean;
  /** The version that came. */
  readonly version: string;
  /** What was before. */
  readonly before: {
    readonly version: string;
    readonly replicas: number;
    readonly splits: readonly RuleSplit[];
  };
}

/** Undefined where the service was not released, or that was taken back. */
export function readRelease(stateDir: string, service: string): ReleaseRecord | undefined {
  const file = fileOf(stateDir, service);
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new RowError(`Cannot read ${file}: ${messageOf(error)}`);
  }
}

export function writeRelease(stateDir: string, record: ReleaseRecord): void {
  const file = fileOf(stateDir, record.service);
  mkdirSync(join(stateDir, "releases"), { recursive: true, mode: 0o700 });
  replaceFile(file, `${JSON.stringify(record, null, 2)}\n`);
}

export function forgetRelease(stateDir: string, service: string): void {
  rmSync(fileOf(stateDir, service), { force: true });
}

function fileOf(stateDir: string, service: string): string {
  return join(stateDir, "releases", `${service}.json`);
}
