/** Pure: how many times as much one of two is, with the interval that its mean lies in with 95 % confidence. */

/** Two-sided 95 % quantiles of Student's t distribution, from 1 degree of freedom on. */
const STUDENT_T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
/** Of more degrees of freedom than the list has: a little too wide, never too narrow. */
const BEYOND = 2.042;

export interface Interval {
  /** The geometric mean of the ratios. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Compares values that were measured in the same rounds, so that what slows a whole round cancels out. Ratios are averaged by
 * their logarithms: twice as fast and half as fast cancel out. Throws RangeError for fewer than two rounds, or a value of 0.
 */
export function ratioInterval(values: readonly number[], base: readonly number[]): Interval {
  const logs = values.map((value, round) => Math.log(value / (base[round] ?? Number.NaN)));
  if (logs.length < 2 || values.length !== base.length) throw new RangeError("needs two rounds of both at least");
  if (!logs.every(Number.isFinite)) throw new RangeError("every value must be above 0");
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  const half = (STUDENT_T[logs.length - 2] ?? BEYOND) * Math.sqrt(variance / logs.length);
  return { mean: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) };
}
