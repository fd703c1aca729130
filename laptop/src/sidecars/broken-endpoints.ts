/** Tells which endpoints the observer's circuit breakers have taken out of a client's sidecar. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { ENDPOINTS_OUT_FILE, readEndpointsOut } from "@row/mesh/observer/endpoints-out.ts";

export class BrokenEndpoints {
  readonly #file: string;
  #readMs = 0;
  #out = new Set<string>();

  /** @param folder the observer's data folder */
  constructor(folder: string) {
    this.#file = join(folder, ENDPOINTS_OUT_FILE);
  }

  has(instance: string, endpoint: string): boolean {
    const changedMs = statSync(this.#file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (changedMs !== this.#readMs) {
      this.#out = new Set(readEndpointsOut(this.#file).map((out) => `${out.instance} ${out.endpoint}`));
      this.#readMs = changedMs;
    }
    return this.#out.has(`${instance} ${endpoint}`);
  }
}
