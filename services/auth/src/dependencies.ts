import type pg from "pg";
import type { Passwords } from "./passwords.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** What the handlers stand on. */
export interface Dependencies {
  readonly pool: pg.Pool;
  readonly passwords: Passwords;
  readonly keys: SigningKeys;
  /** Keys the hashes of request bodies that hold a password. */
  readonly requestKey: Buffer;
  /** Keys the hashes that stand for addresses in the audit trail. */
  readonly addressKey: Buffer;
}
