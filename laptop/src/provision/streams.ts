import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { consumerConfig, streamOf } from "@row/runtime/events/stream-names.ts";
import type { Listener } from "@row/runtime/events/streams.ts";
import type { Secrets } from "../secrets.ts";
import { NATS_ADMIN } from "../stores/nats-configuration.ts";

/** A connection with the rights of the operator. */
export function connectAsAdmin(port: number, secrets: Secrets): Promise<NatsConnection> {
  return connect({
    servers: `127.0.0.1:${port}`,
    user: NATS_ADMIN,
    pass: secrets.get(`nats/${NATS_ADMIN}`),
    name: "row",
    timeout: 2_000,
    reconnect: false,
  });
}

/** Makes a durable consumer for every event, whose streams are there. It outlives who reads it, and with it how far that had got. */
export async function addConsumers(connection: NatsConnection, listeners: readonly Listener[]): Promise<void> {
  const { consumers } = await jetstreamManager(connection);
  for (const { name, consumes } of listeners)
    for (const event of consumes) await consumers.add(streamOf(event), consumerConfig(name, event));
}
