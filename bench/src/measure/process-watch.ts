import { cpuSeconds, pssMegabytes } from "./proc.ts";

/** A process that takes part in what is measured. */
export interface Watched {
  name: string;
  pid: number;
}

/** What a process used while it was watched. */
export interface Usage {
  cpuSeconds: number;
  peakPssMegabytes: number;
}

const SAMPLE_EVERY_MS = 500;

/** Watches the CPU time and the memory of some processes until it is stopped. */
export class ProcessWatch {
  readonly #watched: readonly Watched[];
  readonly #cpuBefore: Map<string, number>;
  readonly #peaks = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(watched: readonly Watched[]) {
    this.#watched = watched;
    this.#cpuBefore = new Map(watched.map(({ name, pid }) => [name, cpuSeconds(pid)]));
    this.#timer = setInterval(() => this.#sample(), SAMPLE_EVERY_MS);
  }

  usage(): Record<string, Usage> {
    this.#sample();
    return Object.fromEntries(
      this.#watched.map(({ name, pid }) => {
        const cpu = cpuSeconds(pid) - (this.#cpuBefore.get(name) ?? 0);
        return [name, { cpuSeconds: cpu, peakPssMegabytes: this.#peaks.get(name) ?? 0 }];
      }),
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    for (const { name, pid } of this.#watched) {
      this.#peaks.set(name, Math.max(this.#peaks.get(name) ?? 0, pssMegabytes(pid)));
    }
  }
}
