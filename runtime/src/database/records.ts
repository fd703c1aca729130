/** Many records as the parameters of one statement: what a batch writes. */

/** The type of each column: `{ id: "uuid", amount: "bigint" }`. */
export type Columns = Readonly<Record<string, string>>;

/** A record with these columns; undefined is null. Bigints go as strings, bytes as `\x…`. */
export type RecordOf<C extends Columns> = {
  readonly [K in keyof C]: string | number | boolean | object | null | undefined;
};

/** The columns as SQL: "id uuid, amount bigint". */
export function columnList(columns: Columns): string {
  return Object.entries(columns)
    .map(([name, type]) => `${name} ${type}`)
    .join(", ");
}

/**
 * SQL of the records with these columns, from the first two parameters of a statement. The limit leaves none out: it tells the
 * planner, who would count on a hundred, that they are few, so that it looks them up by index.
 */
export function recordsOf(columns: Columns): string {
  return `SELECT * FROM json_to_recordset($1::json) AS record (${columnList(columns)}) LIMIT $2::int`;
}

/** The values for `recordsOf`. */
export function recordValues(records: readonly object[]): [json: string, count: number] {
  return [JSON.stringify(records), records.length];
}
