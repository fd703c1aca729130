import { randomUUIDv7 } from "node:crypto";
import type { Background } from "@row/runtime/host.ts";
import type { Logger } from "@row/runtime/telemetry/logger.ts";
import type pg from "pg";
import { forgetExpiredSessions } from "./session-store.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** Far shorter than a key is published before it signs, so that every replica has it by then. */
const EVERY_MS = 60_000;

/** Rotates the signing keys and forgets sessions that nobody can continue, once a minute. */
export function startUpkeep(pool: pg.Pool, keys: SigningKeys, log: Logger): Background {
  let working = Promise.resolve();
  let isStopping = false;
  const work = async () => {
    const correlationId = randomUUIDv7();
    try {
      await keys.refresh(correlationId);
      while (!isStopping && (await forgetExpiredSessions(pool)));
    } catch (error) {
      log.warn({ err: error, correlationId }, "could not look after keys and sessions, trying again in a minute");
    }
  };
  const timer = setInterval(() => {
    working = work();
  }, EVERY_MS);
  return {
    async stop() {
      isStopping = true;
      clearInterval(timer);
      await working;
    },
  };
}
