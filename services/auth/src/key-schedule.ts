/** When signing keys are made, sign, and are withdrawn. Only the times count. Nothing here does I/O or reads a clock. */

/** When a signing key takes over; until its successor does, it signs. */
export interface ScheduledKey {
  readonly signTime: Date;
}

export interface Rotation {
  /** A key signs for this long. */
  readonly periodMs: number;
  /** A key is published for this long before it signs, so that every verifier and replica knows it by then. */
  readonly leadMs: number;
  /** After its last signature a key is published for this long: until the last token it signed has expired. */
  readonly lingerMs: number;
}

/** The key that signs now, of keys in the order in which they take over: undefined only when there is none at all. */
export function signingKeyAt<K extends ScheduledKey>(keys: readonly K[], now: Date, rotation: Rotation): K | undefined {
  // A clock that was ahead may have retired the one before, and one that is behind has not seen any take over.
  return (
    keys.findLast(({ signTime }) => signTime <= now) ??
    keys.findLast(({ signTime }) => signTime <= latestSignTime(now, rotation)) ??
    keys.at(-1)
  );
}

/** A key is made `leadMs` before it signs. One that is to sign much later was made by a clock that was ahead. */
function latestSignTime(now: Date, { leadMs }: Rotation): Date {
  return new Date(now.getTime() + 2 * leadMs);
}

/** The keys without those at the end that a clock far ahead has made, unless no other key could sign. */
export function plausibleAt<K extends ScheduledKey>(keys: readonly K[], now: Date, rotation: Rotation): readonly K[] {
  const latest = latestSignTime(now, rotation);
  const last = keys.findLastIndex(({ signTime }) => signTime <= latest);
  return last < 0 ? keys : keys.slice(0, last + 1);
}

/** The keys that a token may be signed with, now or by the time anybody asks again. */
export function publishedAt<K extends ScheduledKey>(keys: readonly K[], now: Date, { lingerMs }: Rotation): K[] {
  return keys.filter((_, index) => {
    const successor = keys[index + 1];
    return !successor || successor.signTime.getTime() + lingerMs > now.getTime();
  });
}

/** When a key that must be made now will sign; undefined when none must. The very first signs at once. */
export function nextSignTime(keys: readonly ScheduledKey[], now: Date, rotation: Rotation): Date | undefined {
  const newest = keys.at(-1);
  if (!newest) return now;
  const due = newest.signTime.getTime() + rotation.periodMs;
  const soonest = now.getTime() + rotation.leadMs;
  return due > soonest ? undefined : new Date(soonest);
}
