/** Every latency of a load, in milliseconds. */
export class Latencies {
  readonly #values: number[] = [];

  add(milliseconds: number): void {
    this.#values.push(milliseconds);
  }

  get count(): number {
    return this.#values.length;
  }

  /** The value that this share of all lie at or below; 0 when there are none. */
  quantile(share: number): number {
    return quantile(this.#values, share);
  }
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** The middle value; between two of them, the lower. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
