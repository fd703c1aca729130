/** Reads JetStream with the operator's rights: what is stored, and how far each consumer is. */
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { Shop } from "@row/laptop/shop/shop.ts";
import { PROBE_STREAM } from "@row/laptop/stores/nats.ts";
import { fromHeaders } from "@row/runtime/events/headers.ts";
import { DEAD_LETTERS, durableOf, streamOf } from "@row/runtime/events/stream-names.ts";
import type { StoredEvidence } from "./evidence.ts";

/** A message as it stands in its stream, with what it takes to publish it again. */
export interface StoredMessage extends StoredEvidence {
  readonly payload: Uint8Array;
  readonly headers: ReadonlyMap<string, string>;
}

export interface Streams {
  readonly stored: readonly StoredMessage[];
  readonly deadLetters: readonly StoredMessage[];
  readonly consumers: readonly { service: string; event: string; pending: number; unacknowledged: number }[];
}

export async function readStreams(shop: Shop): Promise<Streams> {
  const { url, user, password } = shop.infrastructure.nats;
  const connection = await connect({ servers: url, user, pass: password, name: "invariants" });
  try {
    const manager = await jetstreamManager(connection);
    const stored: StoredMessage[] = [];
    for await (const { config, state } of manager.streams.list()) {
      if (state.messages === 0 || config.name === PROBE_STREAM) continue;
      const consumer = await jetstream(connection).consumers.get(config.name);
      const messages = await consumer.consume();
      for await (const message of messages) {
        const headers = new Map((message.headers?.keys() ?? []).map((key) => [key, message.headers?.get(key) ?? ""]));
        const { id, type, aggregateId, sequence } = fromHeaders(message.headers);
        stored.push({
          stream: config.name,
          id,
          subject: type,
          aggregateId,
          sequence,
          payload: message.data,
          headers,
        });
        if (message.info.pending === 0) break;
      }
      await messages.close();
    }
    const consumers = await Promise.all(
      shop.services
        .flatMap(({ name, consumes }) => consumes.map((event) => ({ service: name, event })))
        .map(async ({ service, event }) => {
          const info = await manager.consumers.info(streamOf(event), durableOf(service, event));
          return { service, event, pending: info.num_pending, unacknowledged: info.num_ack_pending };
        }),
    );
    return {
      stored: stored.filter(({ stream }) => stream !== DEAD_LETTERS),
      deadLetters: stored.filter(({ stream }) => stream === DEAD_LETTERS),
      consumers,
    };
  } finally {
    await connection.close();
  }
}
