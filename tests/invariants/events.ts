/** Every event in a store is in its JetStream stream at least once, and every consumer applied it exactly once. */
import { streamOf } from "@row/runtime/events/stream-names.ts";
import type { ConsumerEvidence, Evidence, StoredEvidence, Violation } from "./evidence.ts";

export function events(evidence: Evidence): Violation[] {
  return [
    ...published(evidence),
    ...numbered(evidence),
    ...evidence.consumers.flatMap((c) => consumed(c, evidence)),
  ].concat(
    evidence.deadLetters.map(({ service, subject, eventId }) => ({
      invariant: "every consumer applies every event",
      detail: `${service} gave ${subject} up`,
      ids: [eventId],
    })),
  );
}

function published({ orderEvents, outbox, stored }: Evidence): Violation[] {
  const invariant = "every event is published";
  const violations: Violation[] = [];
  const inStream = new Set(stored.map(({ stream, id }) => `${stream} ${id}`));
  for (const { id, subject, isPublished } of outbox) {
    if (!isPublished) violations.push({ invariant, detail: `${subject} waits in the outbox`, ids: [id] });
    if (!inStream.has(`${streamOf(subject)} ${id}`)) {
      violations.push({ invariant, detail: `${subject} is not in its stream`, ids: [id] });
    }
  }
  const public_ = new Set(
    outbox.filter(({ service }) => service === "orders").map((row) => `${row.aggregateId} ${row.sequence}`),
  );
  for (const { orderId, version } of orderEvents) {
    if (public_.has(`${orderId} ${version}`)) continue;
    violations.push({ invariant, detail: `version ${version} has no public event`, ids: [orderId] });
  }
  return violations;
}

/** The versions of an aggregate count from 1, and each was published as one event. */
function numbered({ stored, stock }: Evidence): Violation[] {
  const invariant = "an aggregate's events count from 1";
  const violations: Violation[] = [];
  const aggregates = Map.groupBy(stored, ({ stream, aggregateId }) => `${stream} ${aggregateId}`);
  for (const [, messages] of aggregates) {
    const ids = new Map(messages.map(({ id, sequence }) => [id, sequence]));
    const sequences = [...ids.values()].sort((a, b) => Number(a - b));
    if (sequences.every((sequence, index) => sequence === BigInt(index + 1))) continue;
    const [first] = messages;
    violations.push({
      invariant,
      detail: `${first?.stream}: ${sequences.join(", ")}`,
      ids: [first?.aggregateId ?? ""],
    });
  }
  const levels = newestOf(stored.filter(({ subject }) => subject === "shop.inventory.v1.StockLevelChanged"));
  for (const { productId, version } of stock) {
    const told = levels.get(productId) ?? 0n;
    if (told === version) continue;
    violations.push({ invariant, detail: `stock at version ${version}, told up to ${told}`, ids: [productId] });
  }
  return violations;
}

function consumed(
  { service, event, pending, unacknowledged, received, applied }: ConsumerEvidence,
  { stored }: Evidence,
) {
  const invariant = "every consumer applies every event once";
  const who = `${service} on ${event}`;
  const violations: Violation[] = [];
  if (pending > 0 || unacknowledged > 0) {
    const detail = `${who}: ${pending} messages to come, ${unacknowledged} not acknowledged`;
    violations.push({ invariant, detail, ids: [] });
  }
  const published = stored.filter(({ subject }) => subject === event);
  const inbox = new Set(received);
  const missing = new Set(published.map(({ id }) => id).filter((id) => !inbox.has(id)));
  if (missing.size > 0) violations.push({ invariant, detail: `${who}: never received`, ids: [...missing] });
  if (received.length > inbox.size) violations.push({ invariant, detail: `${who}: received twice`, ids: [] });
  for (const [aggregateId, sequence] of newestOf(published)) {
    // More where it has applied a newer event of another type.
    const last = applied.get(aggregateId) ?? 0n;
    if (last < sequence) {
      violations.push({ invariant, detail: `${who}: applied up to ${last} of ${sequence}`, ids: [aggregateId] });
    }
  }
  return violations;
}

function newestOf(messages: readonly StoredEvidence[]): Map<string, bigint> {
  const newest = new Map<string, bigint>();
  for (const { aggregateId, sequence } of messages) {
    if (sequence > (newest.get(aggregateId) ?? 0n)) newest.set(aggregateId, sequence);
  }
  return newest;
}
