/** Which of the requests that pass are shown: by callee, method and path, and no more in a second than one can read. */
import type { TapLine, TappedRequest } from "@row/mesh/observer/tap.ts";

export interface TapFilterFlags {
  /** A service, or one version of it: "catalog", "catalog-v2". */
  readonly to?: string;
  /** "GetProduct" or "CatalogService/GetProduct" */
  readonly method?: string;
  /** What the path begins with. */
  readonly path?: string;
  readonly maxRps?: number;
}

export class TapFilter {
  readonly #flags: TapFilterFlags;
  #second = 0;
  #shown = 0;
  #leftOut = 0;

  constructor(flags: TapFilterFlags) {
    this.#flags = flags;
  }

  /** What to show now of a line: nothing, the line, or before it how many were left out. */
  take(line: TapLine, nowMs: number): TapLine[] {
    if ("lost" in line) return [line];
    if (!this.#isWanted(line)) return [];
    const second = Math.floor(nowMs / 1_000);
    const left = second === this.#second ? [] : this.#begin(second);
    if (this.#shown >= (this.#flags.maxRps ?? Number.POSITIVE_INFINITY)) {
      this.#leftOut += 1;
      return left;
    }
    this.#shown += 1;
    return [...left, line];
  }

  #begin(second: number): TapLine[] {
    const lost = this.#leftOut;
    this.#second = second;
    this.#shown = 0;
    this.#leftOut = 0;
    return lost > 0 ? [{ lost }] : [];
  }

  #isWanted({ service, backend, path }: TappedRequest): boolean {
    const { to, method, path: start } = this.#flags;
    if (to !== undefined && ![service, backend].includes(to)) return false;
    if (method !== undefined && !path.endsWith(`/${method}`) && !path.endsWith(`.${method}`)) return false;
    return start === undefined || path.startsWith(start);
  }
}
