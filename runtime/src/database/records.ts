/** Many records as the parameters of one statement: what a batch writes. */

/** How many parameters `recordsOf` takes. */
export const RECORDS_PARAMETERS = 2;

/**
 * SQL of the records with these columns ("id uuid, amount bigint"), from RECORDS_PARAMETERS at `$first`; a field that is
 * missing is null. The limit leaves none out: it tells the planner, who would count on a hundred, that they are few, so that
 * it looks them up by index.
 */
export function recordsOf(columns: string, first = 1): string {
  return `SELECT * FROM json_to_recordset($${first}::json) AS record (${columns}) LIMIT $${first + 1}::int`;
}

/** The values for `recordsOf`: bigints as strings, bytes as `\x…`. */
export function recordValues(records: readonly object[]): [json: string, count: number] {
  return [JSON.stringify(records), records.length];
}
