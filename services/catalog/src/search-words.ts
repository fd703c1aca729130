import { InvalidField } from "@row/runtime/domain-error.ts";

/** A minus that stands before no word and no quotation, and so excludes nothing. */
const IDLE_MINUS = /-(?![\p{L}\p{N}"])/gu;

/**
 * What a visitor typed, as Postgres's websearch_to_tsquery takes it. It takes anything but a few dozen minuses with no word
 * between them: each is an operator that waits for what it excludes, and it fails when too many wait. Throws InvalidField.
 */
export function searchWords(query: string): string {
  const words = query.trim();
  if (words === "") throw new InvalidField("query", "must not be blank");
  return words.replace(IDLE_MINUS, " ");
}
