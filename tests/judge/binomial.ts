/** Binomial random numbers, exact and fast enough for millions: by the inverse of distribution tables that are kept. */
import type { SeededRandom } from "@row/load/seeded-random.ts";

export class Binomials {
  readonly #random: SeededRandom;
  readonly #tables = new Map<number, Map<number, Float64Array>>();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** How many of so many trials succeed, each with the given probability. */
  draw(trials: number, probability: number): number {
    const table = this.#tableOf(trials, probability);
    const at = this.#random.next();
    let [low, high] = [0, trials];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((table[middle] ?? 1) > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #tableOf(trials: number, probability: number): Float64Array {
    const ofProbability = this.#tables.get(probability) ?? new Map<number, Float64Array>();
    this.#tables.set(probability, ofProbability);
    const known = ofProbability.get(trials);
    if (known) return known;
    const table = cumulative(trials, probability);
    ofProbability.set(trials, table);
    return table;
  }
}

/** P(X ≤ k) for k from 0. */
function cumulative(trials: number, probability: number): Float64Array {
  const table = new Float64Array(trials + 1);
  let log = trials * Math.log1p(-probability);
  let sum = 0;
  for (let k = 0; k <= trials; k += 1) {
    sum += Math.exp(log);
    table[k] = sum;
    log += Math.log(((trials - k) / (k + 1)) * (probability / (1 - probability)));
  }
  return table;
}
