/** A JSON Schema, as plain data. */

export type Schema = { [key: string]: unknown };
