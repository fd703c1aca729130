import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import { DEAD_LETTERS } from "@row/runtime/stream-names.ts";
import { Client } from "pg";
import type { Infrastructure } from "./infrastructure.ts";
import { connectAsAdmin } from "./provision/streams.ts";

/** Work that waits, per store; null where the store cannot be asked now. */
export interface Backlogs {
  /** Events written but not published yet, by database. */
  outbox: Record<string, number | null>;
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
  return { outbox, sagas: rows.find((row) => row?.sagas)?.sagas ?? null, deadLetters };
}

async function readDatabase(url: string): Promise<{ outbox: number; sagas: Backlogs["sagas"] }> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 3_000 });
  client.on("error", () => {});
  await client.connect();
  try {
    const { rows } = await client.query<{ outbox: boolean; sagas: boolean }>(
      "select to_regclass('runtime.outbox') is not null as outbox, to_regclass('public.sagas') is not null as sagas",
    );
    const outbox = rows[0]?.outbox
      ? await client.query("select count(*)::int as n from runtime.outbox where published_time is null")
      : undefined;
    const sagas = rows[0]?.sagas
      ? await client.query<{ unfinished: number; stuck: number }>(
          "select count(*)::int as unfinished, count(*) filter (where stuck)::int as stuck from sagas where finished_time is null",
        )
      : undefined;
    return { outbox: outbox?.rows[0]?.n ?? 0, sagas: sagas?.rows[0] ?? null };
  } finally {
    await client.end().catch(() => {});
  }
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
