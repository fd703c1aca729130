/** Waits until a shop has nothing left to do: only then can it be judged. */
import { setTimeout as sleep } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { Shop } from "@row/laptop/shop/shop.ts";
import { durableOf, streamOf } from "@row/runtime/events/stream-names.ts";
import { inDatabase } from "./read-databases.ts";

const POLL_MS = 250;

/** What a shop still has to do. */
export interface Unfinished {
  readonly sagas: number;
  readonly outbox: number;
  readonly deliveries: number;
}

/** Resolves with what is left: nothing, or what did not get done in time. A database that is away counts as work left. */
export async function settle(shop: Shop, timeoutMs: number, { consumers = true } = {}): Promise<Unfinished> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const left = await unfinished(shop, consumers).catch(() => ({ sagas: -1, outbox: -1, deliveries: -1 }));
    const isDone = left.sagas === 0 && left.outbox === 0 && left.deliveries === 0;
    if (isDone || Date.now() > end) return left;
    await sleep(POLL_MS);
  }
}

async function unfinished(shop: Shop, consumers: boolean): Promise<Unfinished> {
  const [sagas, outbox, deliveries] = await Promise.all([
    count(shop, "orders", "SELECT count(*)::int AS count FROM sagas WHERE finished_time IS NULL"),
    Promise.all(
      shop.services
        .filter(({ postgres }) => postgres)
        .map(({ name }) =>
          count(shop, name, "SELECT count(*)::int AS count FROM runtime.outbox WHERE published_time IS NULL"),
        ),
    ).then((counts) => counts.reduce((sum, one) => sum + one, 0)),
    consumers ? undelivered(shop) : 0,
  ]);
  return { sagas, outbox, deliveries };
}

function count(shop: Shop, database: string, query: string): Promise<number> {
  return inDatabase(shop, database, async (pool) => (await pool.query<{ count: number }>(query)).rows[0]?.count ?? 0);
}

async function undelivered(shop: Shop): Promise<number> {
  const { url, user, password } = shop.infrastructure.nats;
  const connection = await connect({ servers: url, user, pass: password, name: "settle", timeout: 2_000 });
  try {
    const { consumers } = await jetstreamManager(connection);
    const infos = await Promise.all(
      shop.services.flatMap(({ name, consumes }) =>
        consumes.map((event) => consumers.info(streamOf(event), durableOf(name, event))),
      ),
    );
    return infos.reduce((sum, info) => sum + info.num_pending + info.num_ack_pending, 0);
  } finally {
    await connection.close();
  }
}
