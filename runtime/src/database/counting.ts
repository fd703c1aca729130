/** Counts of what waits, which may be asked for often and must not read all of it. */

/** What waits is counted up to here: whoever looks then knows that it is too much. */
export const MOST_COUNTED = 10_000;

/** SQL that counts the rows of a query, which must find them by an index in its order. */
export function countedRows(query: string): string {
  return `(SELECT count(*)::int FROM (${query} LIMIT ${MOST_COUNTED}) AS counted)`;
}
