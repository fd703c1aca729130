import { fromJson, type JsonValue, type Registry, toBinary } from "@bufbuild/protobuf";
import type pg from "pg";
import { publicationsOf, UNDECODABLE } from "../behaviour/spoiled-event.ts";
import { crashPoint } from "../crash-points.ts";
import type { Logger } from "../telemetry/logger.ts";
import { toHeaders } from "./headers.ts";
import type { Nats } from "./nats.ts";

const BATCH = 500;

type Publishing = {
  client: pg.Client;
  nats: Nats;
  registry: Registry;
  log: Logger;
  /** Where the search for unpublished rows may begin; everything before was published when it was last looked at. */
  searchFrom: bigint;
  /** When the whole outbox is looked at next, by performance.now(). */
  searchAllAt: number;
  /** Rows that no event can be made of; they stay unpublished and in the backlog, and hold nobody up. */
  unreadable: Set<string>;
};

/** Published rows leave dead entries in the index until it is vacuumed; a search from the start reads them all. */
const SEARCH_ALL_EVERY_MS = 1_000;
/** Positions are given before commit: one this far behind the newest published may still appear. */
const MARGIN = 500n;

type Row = {
  id: string;
  position: string;
  subject: string;
  aggregate_id: string;
  sequence: string;
  payload: JsonValue;
  correlation_id: string;
  traceparent: string;
  tracestate: string;
  baggage: string;
  producer: string;
  injected: string;
  created_time: Date;
};

/**
 * Publishes the oldest unpublished events in their order and marks those that JetStream has stored.
 * Positions are given before commit, so a row can appear behind one already published: there is no high-water mark, only
 * a hint where to look first, and a look at everything each second.
 */
export async function publishUnpublished(
  publishing: Publishing,
): Promise<{ events: number; full: boolean; failed: number }> {
  const { client, log, unreadable } = publishing;
  if (performance.now() >= publishing.searchAllAt) {
    publishing.searchFrom = 0n;
    publishing.searchAllAt = performance.now() + SEARCH_ALL_EVERY_MS;
  }
  const { rows } = await client.query<Row>({
    name: "outbox-unpublished",
    text: `SELECT id, position, subject, aggregate_id, sequence, payload, correlation_id, traceparent, tracestate, baggage, producer, injected, created_time
      FROM runtime.outbox WHERE published_time IS NULL AND position >= $2::bigint AND NOT id = ANY($1::uuid[]) ORDER BY position LIMIT ${BATCH}`,
    values: [[...unreadable], String(publishing.searchFrom)],
  });
  if (rows.length === 0) return { events: 0, full: false, failed: 0 };
  crashPoint("outbox.before-publish");
  // All are sent at once on one connection, which keeps their order, and the answers are collected afterwards.
  const sent = rows.map((row) => ({ row, stored: publish(publishing, row) }));
  const published: string[] = [];
  let failed = 0;
  for (const { row, stored } of sent) {
    const outcome = await stored;
    if (outcome === "stored") published.push(row.id);
    else if (outcome !== "unreadable" && failed++ === 0) {
      log.warn({ event: row.id, subject: row.subject, reason: outcome.message }, "cannot publish an event");
    }
  }
  crashPoint("outbox.after-publish");
  await client.query({
    name: "outbox-published",
    text: "UPDATE runtime.outbox SET published_time = clock_timestamp() WHERE id = ANY($1::uuid[])",
    values: [published],
  });
  const newest = BigInt(rows.at(-1)?.position ?? 0);
  publishing.searchFrom = failed > 0 || newest < MARGIN ? 0n : newest - MARGIN;
  return { events: rows.length, full: rows.length === BATCH, failed };
}

/** Publishes one row; never throws. */
async function publish(publishing: Publishing, row: Row): Promise<"stored" | "unreadable" | Error> {
  let publications: { id: string; message: Uint8Array }[];
  try {
    publications = publicationsOf(row.id, row.payload, row.injected).map(({ id, payload }) => ({
      id,
      message: payload === undefined ? UNDECODABLE : encode({ ...row, payload }, publishing),
    }));
  } catch (error) {
    publishing.unreadable.add(row.id);
    publishing.log.error({ err: error, event: row.id, subject: row.subject }, "cannot make an event of an outbox row");
    return "unreadable";
  }
  const sent = publications.map(({ id, message }) =>
    publishing.nats.js.publish(row.subject, message, { headers: headersOf(row, id), msgID: id, timeout: 2000 }),
  );
  const failed = (await Promise.allSettled(sent)).find((outcome) => outcome.status === "rejected");
  if (!failed) return "stored";
  return failed.reason instanceof Error ? failed.reason : new Error(String(failed.reason));
}

function headersOf(row: Row, id: string) {
  return toHeaders({
    id,
    type: row.subject,
    time: row.created_time,
    aggregateId: row.aggregate_id,
    sequence: BigInt(row.sequence),
    correlationId: row.correlation_id,
    traceparent: row.traceparent,
    tracestate: row.tracestate,
    baggage: row.baggage,
    producer: row.producer,
    injected: row.injected,
  });
}

function encode(row: Row, { registry, log }: Publishing): Uint8Array {
  const descriptor = registry.getMessage(row.subject);
  if (!descriptor) throw new Error(`"${row.subject}" is not in the contracts`);
  try {
    return toBinary(descriptor, fromJson(descriptor, row.payload, { registry }));
  } catch (error) {
    // Another version of the service may have written a field that this one does not know.
    const message = fromJson(descriptor, row.payload, { registry, ignoreUnknownFields: true });
    log.warn(
      { err: error, event: row.id, subject: row.subject },
      "publishing an event without the fields that this version does not know",
    );
    return toBinary(descriptor, message);
  }
}
