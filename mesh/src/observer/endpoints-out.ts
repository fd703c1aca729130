/** The file in which the circuit breakers remember what they took out: for the observer after this one, and for the supervisor, which leaves that alone. */
import { readFileSync } from "node:fs";
import { replaceFile } from "@row/topology/replace-file.ts";

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
  replaceFile(file, JSON.stringify(out));
}
