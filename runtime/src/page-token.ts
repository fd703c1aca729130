/** Opaque page tokens for keyset lists: base64url of the list's name, its filter and the last key. Nothing here does I/O. */
import { createHash } from "node:crypto";
import { InvalidField } from "./domain-error.ts";

const MAX_KEY_PARTS = 4;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Page tokens of one list. `list` and `filter` bind a token: another list, or another filter, refuses it. */
export class PageTokens {
  readonly #binding: string;

  constructor(list: string, filter: string) {
    this.#binding = createHash("sha256").update(`${list}\n${filter}`).digest("base64url").slice(0, 12);
  }

  /** The token of the page after the row with this key. */
  encode(key: readonly string[]): string {
    return Buffer.from(JSON.stringify([this.#binding, ...key])).toString("base64url");
  }

  /** The page that these rows make, which were read with one more than its size: that one tells that there is a next page. */
  page<Row>(
    found: readonly Row[],
    size: number,
    keyOf: (row: Row) => readonly string[],
  ): { readonly rows: Row[]; readonly nextPageToken: string } {
    const rows = found.slice(0, size);
    const last = found.length > size ? rows.at(-1) : undefined;
    return { rows, nextPageToken: last === undefined ? "" : this.encode(keyOf(last)) };
  }

  /** The key of a token; undefined for the first page. Throws InvalidField for a token of another list. */
  decode(token: string): readonly string[] | undefined {
    if (token === "") return undefined;
    const parts = parse(token);
    if (!parts || parts[0] !== this.#binding) {
      throw new InvalidField("page_token", "is not from this list; leave it empty to start over");
    }
    return parts.slice(1);
  }

  /** As `decode`, where the key is the row's id: anybody can make up a token, and Postgres fails at what is no UUID. */
  decodeId(token: string): string | undefined {
    const [id, ...rest] = this.decode(token) ?? [];
    if (id === undefined) return undefined;
    if (!UUID.test(id) || rest.length > 0) throw new InvalidField("page_token", "is not one that this list gave");
    return id;
  }
}

function parse(token: string): readonly string[] | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (Array.isArray(parts) && parts.length <= MAX_KEY_PARTS + 1 && parts.every((part) => typeof part === "string")) {
      return parts;
    }
  } catch {
    // falls through: not one of ours
  }
  return undefined;
}

/** The page size to use: `fallback` for 0, at most `max`. Validation has refused negative ones. */
export function pageSize(asked: number, fallback: number, max: number): number {
  return asked === 0 ? fallback : Math.min(asked, max);
}
