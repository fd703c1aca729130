import { setTimeout as sleep } from "node:timers/promises";
import type { Registry } from "@bufbuild/protobuf";
import pg from "pg";
import { registry as contracts } from "../contract.ts";
import { onEventsCommitted } from "../database/commits.ts";
import { MOST_COUNTED } from "../database/counting.ts";
import type { Queryable } from "../database/postgres.ts";
import { deleteExpired } from "../database/retention.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Nats } from "./nats.ts";
import { publishUnpublished } from "./publish.ts";
import { WakeSignal } from "./wake-signal.ts";

/** Publishes what the outbox holds; one relay per database does, the others stand by. */
export type Relay = {
  /** Looks at once; each commit through the pool that wrote events does so. Cheap; never throws. */
  wake(): void;
  /** Whether this process is the one that publishes. */
  leads(): boolean;
  /** Waits until everything committed is published; false when the time is over before. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Finishes the batch in hand and hands over to another relay. */
  stop(): Promise<void>;
};

export type RelayOptions = {
  pool: pg.Pool;
  /** For the connection of its own that holds the lock. */
  connectionString: string;
  nats: Nats;
  log: Logger;
  registry?: Registry;
};

const LOCK = 0x726f77; // "row"; advisory locks are per database
const CHANNEL = "outbox";
const RELEASED = "released";
const POLL_MS = 1000;
/** Waiting makes batches out of single events and leaves the CPU to the calls: the more events there were, the longer. */
const PAUSE_MS = 4;
const PAUSE_FOR_EACH_EVENT_MS = 0.5;
const LONGEST_PAUSE_MS = 32;
const PRUNE_EVERY_MS = 60_000;
/** While there is more to delete than goes at once. */
const PRUNE_ON_AFTER_MS = 1_000;

/** Starts the relay. It never throws: without Postgres or NATS it tries again until it is stopped. */
export function startRelay(options: RelayOptions): Relay {
  const { pool, log } = options;
  const wakeSignal = new WakeSignal();
  const halt = new WakeSignal();
  let stopping = false;
  let leads = false;
  let notifying: NodeJS.Timeout | undefined;

  // NOTIFY inside the writing transaction would take a lock at commit that serialises all writers, so it is sent afterwards.
  function notify() {
    notifying ??= setTimeout(() => {
      notifying = undefined;
      pool.query("SELECT pg_notify($1, '')", [CHANNEL]).catch(() => {}); // the leader polls anyway
    }, PAUSE_MS).unref();
  }

  function wake() {
    if (leads) wakeSignal.wake();
    else notify();
  }

  async function standBy(client: pg.Client): Promise<boolean> {
    const { rows } = await client.query<{ locked: boolean }>("SELECT pg_try_advisory_lock($1) AS locked", [LOCK]);
    if (rows[0]?.locked) return true;
    await wakeSignal.sleep(POLL_MS);
    return false;
  }

  async function lead(client: pg.Client) {
    const publishing = {
      ...options,
      registry: options.registry ?? contracts,
      client,
      unreadable: new Set<string>(),
      searchFrom: 0n,
      searchAllAt: 0,
    };
    let pruneAt = performance.now();
    let failures = 0;
    while (!stopping) {
      const startedAt = performance.now();
      if (!options.nats.connected()) {
        await halt.sleep(POLL_MS / 10);
        continue;
      }
      const batch = await publishUnpublished(publishing);
      failures = batch.failed > 0 ? failures + 1 : 0;
      if (failures > 0) await halt.sleep(Math.min(125 * 2 ** failures, 2000));
      else if (!batch.full) {
        if (startedAt > pruneAt) {
          const isMore = await deleteExpired(client);
          pruneAt = startedAt + (isMore ? PRUNE_ON_AFTER_MS : PRUNE_EVERY_MS);
        }
        await wakeSignal.sleep(POLL_MS);
        const pause = Math.min(PAUSE_MS + PAUSE_FOR_EACH_EVENT_MS * batch.events, LONGEST_PAUSE_MS);
        await sleep(Math.max(0, startedAt + pause - performance.now()));
      }
    }
  }

  async function session(client: pg.Client) {
    client.on("notification", ({ payload }) => {
      if (leads || payload === RELEASED) wakeSignal.wake();
    });
    await client.connect();
    // Losing a mark means publishing twice, which everybody is prepared for, so marking need not wait for the disk.
    await client.query(`SET synchronous_commit = off; LISTEN ${CHANNEL}`);
    while (!stopping && !leads) leads = await standBy(client);
    if (stopping && !leads) return;
    log.info("relaying the outbox");
    await lead(client);
    leads = false;
    await client.query("SELECT pg_advisory_unlock($1), pg_notify($2, $3)", [LOCK, CHANNEL, RELEASED]);
  }

  async function run() {
    let failures = 0;
    while (!stopping) {
      const client = new pg.Client({
        connectionString: options.connectionString,
        application_name: "outbox-relay",
        connectionTimeoutMillis: 2000,
        query_timeout: 10_000,
        keepAlive: true,
      });
      client.on("error", () => wakeSignal.wake()); // the query in hand, or the next, fails and ends the session
      try {
        await session(client);
      } catch (error) {
        failures = leads ? 1 : failures + 1;
        const reason = error instanceof Error ? error.message : String(error);
        if (!stopping) log.warn({ reason }, "the outbox relay lost its connection, trying again");
        await halt.sleep(Math.min(125 * 2 ** failures, 2000));
      } finally {
        leads = false;
        await client.end().catch(() => {});
      }
    }
  }

  onEventsCommitted(pool, wake);
  const running = run();
  return {
    wake,
    leads: () => leads,
    async flush(timeoutMs) {
      const end = performance.now() + timeoutMs;
      do {
        wake();
        const unpublished = await outboxBacklog(pool).catch(() => undefined);
        if (unpublished?.unpublished === 0) return true;
        await sleep(20);
      } while (performance.now() < end);
      return false;
    },
    async stop() {
      stopping = true;
      halt.wake();
      wakeSignal.wake();
      clearTimeout(notifying);
      await running;
    },
  };
}

/** How many events wait to be published, up to MOST_COUNTED, and the age of the oldest in seconds. */
export async function outboxBacklog(pool: Queryable): Promise<{ unpublished: number; oldestSeconds: number }> {
  const { rows } = await pool.query<{ unpublished: number; oldest: number }>({
    name: "outbox-backlog",
    text: `SELECT count(*)::int AS unpublished, coalesce(extract(epoch FROM clock_timestamp() - min(created_time)), 0)::float8 AS oldest
      FROM (SELECT created_time FROM runtime.outbox WHERE published_time IS NULL ORDER BY position LIMIT ${MOST_COUNTED}) AS counted`,
  });
  return { unpublished: rows[0]?.unpublished ?? 0, oldestSeconds: rows[0]?.oldest ?? 0 };
}
