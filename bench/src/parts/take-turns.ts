/**
 * Gives each contender its turn in every round, in another order from one round to the next, so that whatever else the
 * machine does falls on all of them.
 */
export async function takeTurns<R, K extends string>(
  rounds: number,
  contenders: Record<K, () => Promise<R>>,
): Promise<Record<K, R[]>> {
  const names = Object.keys(contenders) as K[]; // the keys of the record
  const results = Object.fromEntries(names.map((name) => [name, [] as R[]])) as Record<K, R[]>;
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) results[name].push(await contenders[name]());
  }
  return results;
}
