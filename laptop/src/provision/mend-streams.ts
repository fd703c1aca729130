/** Streams and consumers on a laptop's NATS: made where they are missing, and filled again where what they held is lost. */
import type { FileRegistry } from "@bufbuild/protobuf";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type EventFault, eventFaults } from "@row/runtime/events/consumer-fault.ts";
import { type Listener, makeConsumers, makeStreams } from "@row/runtime/events/streams.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";
import { publishAgain } from "./publish-again.ts";

/**
 * Makes streams and consumers what the contracts and the listeners want; answers what was wrong with them. Before a stream is made
 * that was not there, the outbox of its domain is told to publish again: if this process ends in between, the next one sees the
 * stream missing and does both. Safe to run at any time.
 * @param migrated resolves when the databases have their tables
 */
export async function mendStreams(
  connection: NatsConnection,
  { services, adminUrl }: Pick<Infrastructure, "services" | "adminUrl">,
  contracts: FileRegistry,
  listeners: readonly Listener[],
  migrated: Promise<unknown> = Promise.resolve(),
): Promise<EventFault[]> {
  const faults = await eventFaults(await jetstreamManager(connection), contracts, listeners);
  if (faults.length === 0) return [];
  const lost = new Set(faults.filter(({ fault }) => fault === "stream missing").map(({ stream }) => stream));
  const publishers = services.filter(({ name, postgres }) => postgres && lost.has(name.toUpperCase()));
  if (publishers.length > 0) await migrated;
  await Promise.all(publishers.map(({ name }) => publishAgain(adminUrl(name), name)));
  await makeStreams(connection, contracts);
  await makeConsumers(connection, listeners);
  return faults;
}
