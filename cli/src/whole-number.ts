/** A flag whose value is a whole number. */
import { RowError } from "@row/topology/row-error.ts";

/** @param doing what cannot be done with a wrong one, "load the shop" */
export function wholeNumber(doing: string, flag: string, text: string, most: number): number {
  if (/^[1-9]\d*$/.test(text) && Number(text) <= most) return Number(text);
  throw new RowError(`Cannot ${doing} with ${flag} ${text}: give a whole number from 1 to ${most}`);
}
