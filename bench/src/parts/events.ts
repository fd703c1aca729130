import { Client } from "pg";
import { type Bench, onShop } from "../bench.ts";
import { placeOrders } from "../job.ts";
import { quantile } from "../measure/quantile.ts";

export interface EventDelays {
  /** Orders a second while this was measured. */
  pace: number;
  /** How many events arrived at a handler. */
  events: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  highest: number;
  errors: Record<string, number>;
}

const DRAIN_WITHIN_SECONDS = 60;

/**
 * From an event's row in the outbox to its row in a consumer's inbox, under a steady load. Both times come from the one
 * clock of the one Postgres, are there anyway and so cost the shop nothing.
 */
export async function measureEvents(bench: Bench, pace: number): Promise<EventDelays> {
  const { plan, shop } = bench;
  const requests = placeOrders(await shop.signIn());
  await onShop(bench, { requests, pace, seconds: plan.warmUpSeconds });
  await shop.drain(DRAIN_WITHIN_SECONDS);
  const since = new Date();
  const { errors } = await onShop(bench, { requests, pace, seconds: plan.eventSeconds });
  await shop.drain(DRAIN_WITHIN_SECONDS);
  const delays = await delaysSince(
    shop.services.map((name) => shop.adminUrl(name)),
    since,
  );
  return {
    pace,
    events: delays.length,
    p50: quantile(delays, 0.5),
    p99: quantile(delays, 0.99),
    highest: quantile(delays, 1),
    errors,
  };
}

async function delaysSince(databases: string[], since: Date): Promise<number[]> {
  const tables = await Promise.all(databases.map((url) => readTimes(url, since).catch(() => undefined)));
  const written = new Map(tables.flatMap((table) => table?.written ?? []));
  const received = tables.flatMap((table) => table?.received ?? []);
  return received.flatMap(([id, time]) => {
    const from = written.get(id);
    return from === undefined ? [] : [time - from];
  });
}

type Times = [id: string, milliseconds: number][];

async function readTimes(url: string, since: Date): Promise<{ written: Times; received: Times }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const times = async (table: string, id: string, time: string): Promise<Times> => {
    const { rows } = await client.query<{ id: string; time: number }>(
      `SELECT ${id} AS id, extract(epoch FROM ${time})::float8 * 1000 AS time FROM runtime.${table} WHERE ${time} >= $1`,
      [since],
    );
    return rows.map((row) => [row.id, row.time]);
  };
  try {
    return {
      written: await times("outbox", "id", "created_time"),
      received: await times("inbox", "event_id", "received_time"),
    };
  } finally {
    await client.end();
  }
}
