import type { Call } from "@row/runtime/call.ts";
import type { Origin } from "@row/runtime/events/outbox.ts";
import type { Relay } from "@row/runtime/events/relay.ts";
import type pg from "pg";
import type { Passwords } from "./passwords.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** What the handlers stand on. */
export interface Auth {
  readonly pool: pg.Pool;
  readonly relay: Relay;
  readonly passwords: Passwords;
  readonly keys: SigningKeys;
  /** Keys the hashes of request bodies that hold a password. */
  readonly requestKey: Buffer;
  /** Keys the hashes that stand for addresses in the audit trail. */
  readonly addressKey: Buffer;
  origin(call: Call): Origin;
}
