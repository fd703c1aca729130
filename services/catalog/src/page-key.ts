/** What page tokens of the product lists hold. A token can be made up, so its parts are checked like any input. */
import { InvalidField } from "@row/runtime/errors.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const RANK = /^\d+(\.\d+)?(e[+-]?\d{1,2})?$/;

/** The key of the list by name; undefined for the first page. Throws InvalidField. */
export function nameKey(parts: readonly string[] | undefined): { name: string; id: string } | undefined {
  if (!parts) return undefined;
  const [name, id] = parts;
  if (parts.length !== 2 || name === undefined || id === undefined || name.includes("\0") || !UUID.test(id)) {
    throw foreignToken();
  }
  return { name, id };
}

/** The key of a search; undefined for the first page. Throws InvalidField. */
export function rankKey(parts: readonly string[] | undefined): { rank: string; id: string } | undefined {
  if (!parts) return undefined;
  const [rank, id] = parts;
  if (parts.length !== 2 || rank === undefined || id === undefined || !UUID.test(id) || !RANK.test(rank)) {
    throw foreignToken();
  }
  return { rank, id };
}

function foreignToken(): InvalidField {
  return new InvalidField("page_token", "is not from this list; leave it empty to start over");
}
