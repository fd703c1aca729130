/** The file in which the circuit breakers remember what they took out: for the observer after this one, and for the supervisor, which leaves that alone. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";

/** Its name in the observer's data folder. */
export const ENDPOINTS_OUT_FILE = "endpoints-out.json";

export interface EndpointOut {
  /** The client whose sidecar sends no calls there. */
  readonly instance: string;
  /** The instance that gets none. */
  readonly endpoint: string;
}

/** What the file says; nothing when it is missing or cannot be read. */
export function readEndpointsOut(file: string): EndpointOut[] {
  try {
    const out: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(out) ? out : [];
  } catch {
    return [];
  }
}

/** Replaced as a whole, so that nobody reads half of it. */
export function writeEndpointsOut(file: string, out: readonly EndpointOut[]): void {
  writeFileSync(`${file}.new`, JSON.stringify(out), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
