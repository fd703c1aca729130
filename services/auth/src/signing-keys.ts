import { createPrivateKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { insertActs } from "@row/runtime/database/audit.ts";
import { type Queryable, statement } from "@row/runtime/database/postgres.ts";
import { ACCESS_TOKEN_SECONDS, TOKEN_ALGORITHM } from "@row/runtime/rpc/auth.ts";
import { calculateJwkThumbprint, type JWK } from "jose";
import {
  nextSignTime,
  plausibleAt,
  publishedAt,
  type Rotation,
  type ScheduledKey,
  signingKeyAt,
} from "./key-schedule.ts";
import { seal, unseal } from "./sealed-key.ts";

/** A key that signs access tokens when its time has come. */
export interface SigningKey extends ScheduledKey {
  readonly id: string;
  readonly generation: number;
  readonly publicKey: JWK;
  readonly privateKey: KeyObject;
}

const LEAD_MS = 10 * 60_000;
/** Replicas' clocks may differ by so much. */
const SKEW_MS = 5 * 60_000;

interface Row {
  /** Postgres's time, also of the row that stands for no key. */
  now: Date;
  id: string | null;
  generation: number;
  public_key: JWK;
  private_key: Buffer;
  sign_time: Date;
}

type KeyRow = Row & { id: string };
const isKey = (row: Row): row is KeyRow => row.id !== null;

const selectKeys = statement<Row>(
  "list-signing-keys",
  `SELECT now() AS now, id, generation, public_key, private_key, sign_time
  FROM (VALUES (0)) AS always LEFT JOIN signing_key ON true ORDER BY generation`,
);

// Replicas that make a key at the same moment make the same generation: the unique index lets one of them through.
const insertKey = statement(
  "add-signing-key",
  `WITH added AS (
    INSERT INTO signing_key (id, generation, public_key, private_key, sign_time) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (generation) DO NOTHING RETURNING id
  )
  ${insertActs(
    { actor: "'service:auth'", action: "'key.rotated'", target: "'key:' || id", correlationId: "$6" },
    "added",
  )}`,
);

const deleteKeys = statement("delete-signing-keys", "DELETE FROM signing_key WHERE id = ANY($1::text[])");

/** The keys of all replicas: kept in the database, rotated by whichever replica looks first. */
export class SigningKeys {
  readonly #db: Queryable;
  readonly #sealingKey: Buffer;
  readonly #rotation: Rotation;
  #keys: readonly SigningKey[] = [];

  private constructor(db: Queryable, sealingKey: Buffer, rotationHours: number) {
    this.#db = db;
    this.#sealingKey = sealingKey;
    this.#rotation = {
      periodMs: rotationHours * 3_600_000,
      leadMs: LEAD_MS,
      lingerMs: ACCESS_TOKEN_SECONDS * 1_000 + SKEW_MS,
    };
  }

  /** Reads the keys, and makes the first. */
  static async open(
    db: Queryable,
    options: { sealingKey: Buffer; rotationHours: number; correlationId: string },
  ): Promise<SigningKeys> {
    const keys = new SigningKeys(db, options.sealingKey, options.rotationHours);
    await keys.refresh(options.correlationId);
    return keys;
  }

  /** The key to sign with at that time, which is Postgres's: this machine's clock may be wrong. */
  signingAt(time: Date): SigningKey {
    const key = signingKeyAt(this.#keys, time, this.#rotation);
    if (!key) throw new Error("No key signs: the table signing_key was emptied; the next one is made within a minute");
    return key;
  }

  /** The public keys, as a JSON Web Key Set lists them. */
  get published(): JWK[] {
    return this.#keys.map(({ id, publicKey }) => ({ ...publicKey, kid: id, alg: TOKEN_ALGORITHM, use: "sig" }));
  }

  /** Takes over what other replicas did, makes the next key when it is time, and deletes those that have retired. */
  async refresh(correlationId: string): Promise<void> {
    let { keys, now } = await this.#load();
    const generation = (keys.at(-1)?.generation ?? 0) + 1;
    const signTime = nextSignTime(plausibleAt(keys, now, this.#rotation), now, this.#rotation);
    if (signTime) {
      await this.#add(generation, signTime, correlationId);
      ({ keys, now } = await this.#load());
    }
    const published = publishedAt(plausibleAt(keys, now, this.#rotation), now, this.#rotation);
    const retired = keys.filter((key) => !published.includes(key));
    if (retired.length > 0) await deleteKeys(this.#db, [retired.map(({ id }) => id)]);
    this.#keys = published;
  }

  async #load(): Promise<{ keys: readonly SigningKey[]; now: Date }> {
    const known = new Map(this.#keys.map((key) => [key.id, key]));
    const rows = await selectKeys(this.#db, []);
    const keys = rows.filter(isKey).map((row) => ({
      id: row.id,
      generation: row.generation,
      publicKey: row.public_key,
      privateKey: known.get(row.id)?.privateKey ?? this.#open(row),
      signTime: row.sign_time,
    }));
    return { keys, now: rows[0]?.now ?? new Date() };
  }

  #open(row: KeyRow): KeyObject {
    try {
      const key = unseal(this.#sealingKey, row.id, row.private_key);
      return createPrivateKey({ key, format: "der", type: "pkcs8" });
    } catch {
      throw new Error(
        `Cannot open signing key "${row.id}": AUTH_KEY_SECRET is not the one it was stored under; put that one back, or empty the table signing_key to sign everybody out`,
      );
    }
  }

  async #add(generation: number, signTime: Date, correlationId: string): Promise<void> {
    const pair = await promisify(generateKeyPair)("ec", { namedCurve: "P-256" });
    const { kty, crv, x, y } = pair.publicKey.export({ format: "jwk" });
    const publicKey: JWK = { kty, crv, x, y };
    const id = await calculateJwkThumbprint(publicKey);
    const privateKey = pair.privateKey.export({ format: "der", type: "pkcs8" });
    const sealed = seal(this.#sealingKey, id, privateKey);
    await insertKey(this.#db, [id, generation, JSON.stringify(publicKey), sealed, signTime, correlationId]);
  }
}
