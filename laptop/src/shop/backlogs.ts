import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import { countedRows } from "@row/runtime/database/counting.ts";
import { outboxBacklog } from "@row/runtime/events/relay.ts";
import { DEAD_LETTERS } from "@row/runtime/events/stream-names.ts";
import { Client } from "pg";
import { connectAsAdmin } from "../provision/streams.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";

/** Work that waits, per store, counted up to MOST_COUNTED; null where the store cannot be asked now. */
export interface Backlogs {
  /** Events written but not published yet, by database. */
  outbox: Record<string, number | null>;
  /** How long the oldest of them has waited, whole seconds, by database; 0 when none waits. */
  outboxSeconds: Record<string, number | null>;
  sagas: { unfinished: number; stuck: number } | null;
  deadLetters: number | null;
}

export async function readBacklogs(infrastructure: Infrastructure): Promise<Backlogs> {
  const databases = infrastructure.services.filter(({ postgres }) => postgres).map(({ name }) => name);
  const [rows, deadLetters] = await Promise.all([
    Promise.all(databases.map((name) => readDatabase(infrastructure.adminUrl(name)).catch(() => null))),
    countDeadLetters(infrastructure).catch(() => null),
  ]);
  const outbox = Object.fromEntries(databases.map((name, index) => [name, rows[index]?.outbox ?? null]));
  const outboxSeconds = Object.fromEntries(databases.map((name, index) => [name, rows[index]?.seconds ?? null]));
  return { outbox, outboxSeconds, sagas: rows.find((row) => row?.sagas)?.sagas ?? null, deadLetters };
}

const UNFINISHED = "from sagas where finished_time is null";

async function readDatabase(url: string): Promise<{ outbox: number; seconds: number; sagas: Backlogs["sagas"] }> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 3_000 });
  client.on("error", () => {});
  await client.connect();
  try {
    const { rows } = await client.query<{ outbox: boolean; sagas: boolean }>(
      "select to_regclass('runtime.outbox') is not null as outbox, to_regclass('public.sagas') is not null as sagas",
    );
    const outbox = rows[0]?.outbox ? await outboxBacklog(client) : undefined;
    const sagas = rows[0]?.sagas
      ? await client.query<{ unfinished: number; stuck: number }>(
          `select ${countedRows(`select ${UNFINISHED} order by create_time`)} as unfinished,
            ${countedRows(`select ${UNFINISHED} and stuck order by create_time`)} as stuck`,
        )
      : undefined;
    const { unpublished = 0, oldestSeconds = 0 } = outbox ?? {};
    return { outbox: unpublished, seconds: Math.floor(oldestSeconds), sagas: sagas?.rows[0] ?? null };
  } finally {
    await client.end().catch(() => {});
  }
}

const STUCK_AFTER_SECONDS = 30;

/** What keeps a shop from being well: events that nobody publishes. */
export function stuckIn({ outboxSeconds }: Backlogs): string[] {
  return Object.entries(outboxSeconds).flatMap(([database, seconds]) =>
    seconds !== null && seconds >= STUCK_AFTER_SECONDS
      ? [`the outbox of ${database} is stuck: its oldest event has waited for ${seconds} s`]
      : [],
  );
}

const STREAM_NOT_FOUND = 10059;

async function countDeadLetters({ ports, secrets }: Infrastructure): Promise<number> {
  const connection = await connectAsAdmin(ports.nats, secrets);
  try {
    const manager = await jetstreamManager(connection);
    return (await manager.streams.info(DEAD_LETTERS)).state.messages;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return 0;
    throw error;
  } finally {
    await connection.close();
  }
}
