/**
 * Durations in log-linear buckets: sixteen to each doubling, so that a quantile is within 5 % of the truth from a
 * microsecond to two minutes.
 */

const EXACT_BELOW = 32;
const PER_DOUBLING = 16;
const SMALLEST_EXPONENT = 5;
const LARGEST_EXPONENT = 26;
const LONGEST_US = 2 ** (LARGEST_EXPONENT + 1) - 1;

export const BUCKETS = EXACT_BELOW + (LARGEST_EXPONENT - SMALLEST_EXPONENT + 1) * PER_DOUBLING;

/** The bucket of a duration in µs; below zero counts as zero, above the longest as the longest. */
export function bucketOf(us: number): number {
  if (us < EXACT_BELOW) return us > 0 ? us | 0 : 0;
  const value = us < LONGEST_US ? us | 0 : LONGEST_US;
  const exponent = 31 - Math.clz32(value);
  return EXACT_BELOW + (exponent - SMALLEST_EXPONENT) * PER_DOUBLING + ((value >> (exponent - 4)) & (PER_DOUBLING - 1));
}

/** The longest duration, in whole µs, of those that are counted with this one. */
export function boundOf(us: number): number {
  return lastOf(bucketOf(us));
}

function lastOf(bucket: number): number {
  return firstOf(bucket) + widthOf(bucket) - 1;
}

/** The middle of a bucket, in µs. */
function middleOf(bucket: number): number {
  return firstOf(bucket) + (widthOf(bucket) - 1) / 2;
}

function firstOf(bucket: number): number {
  if (bucket < EXACT_BELOW) return bucket;
  return 2 ** exponentOf(bucket) + ((bucket - EXACT_BELOW) % PER_DOUBLING) * widthOf(bucket);
}

function widthOf(bucket: number): number {
  return bucket < EXACT_BELOW ? 1 : 2 ** (exponentOf(bucket) - 4);
}

function exponentOf(bucket: number): number {
  return SMALLEST_EXPONENT + Math.floor((bucket - EXACT_BELOW) / PER_DOUBLING);
}

/** The duration in µs that a share of the counted ones does not exceed; undefined when none was counted. */
export function quantile(counts: Uint32Array, share: number): number | undefined {
  const bucket = quantileBucket(counts, share);
  return bucket === undefined ? undefined : middleOf(bucket);
}

/** As `quantile`, up to the bound of its bucket: no more than that share took longer. */
export function quantileBound(counts: Uint32Array, share: number): number | undefined {
  const bucket = quantileBucket(counts, share);
  return bucket === undefined ? undefined : lastOf(bucket);
}

function quantileBucket(counts: Uint32Array, share: number): number | undefined {
  let total = 0;
  for (const count of counts) total += count;
  if (total === 0) return undefined;
  const rank = Math.max(1, Math.ceil(share * total));
  let seen = 0;
  for (let bucket = 0; bucket < counts.length; bucket += 1) {
    seen += counts[bucket] ?? 0;
    if (seen >= rank) return bucket;
  }
  return undefined;
}
