/** Message fields that the contract requires, which ts-proto's types do not know. */

/** The field's value, of which validation has made sure. */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new Error(`Cannot go on without ${field}: the contract does not require it`);
  return value;
}
