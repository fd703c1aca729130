/** What page tokens of the product lists hold. A token can be made up, so its parts are checked like any input. */
import { InvalidField } from "@row/runtime/domain-error.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Postgres writes a rank in 14 characters at most. */
const RANK = /^(?=.{1,16}$)\d+(\.\d+)?(e[+-]?\d{1,2})?$/;

/** The key of the list by name; undefined for the first page. Throws InvalidField. */
export function nameKey(parts: readonly string[] | undefined): { name: string; id: string } | undefined {
  if (!parts) return undefined;
  const [name, id] = parts;
  if (parts.length !== 2 || name === undefined || id === undefined || !isName(name) || !UUID.test(id)) {
    throw foreignToken();
  }
  return { name, id };
}

/** The key of a search; undefined for the first page. Throws InvalidField. */
export function rankKey(parts: readonly string[] | undefined): { rank: string; id: string } | undefined {
  if (!parts) return undefined;
  const [rank, id] = parts;
  if (parts.length !== 2 || rank === undefined || id === undefined || !UUID.test(id) || !isRank(rank)) {
    throw foreignToken();
  }
  return { rank, id };
}

/** Whether it can be a name: a token can hold what no request can, such as half a surrogate pair. */
function isName(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** Whether it is a number that Postgres reads as a float4: it refuses what is too great, and what is too small to be told from 0. */
function isRank(text: string): boolean {
  if (!RANK.test(text)) return false;
  const rank = Number(text);
  const single = Math.fround(rank);
  return Number.isFinite(single) && (single !== 0 || rank === 0);
}

function foreignToken(): InvalidField {
  return new InvalidField("page_token", "is not from this list; leave it empty to start over");
}
