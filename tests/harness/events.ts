import { randomUUIDv7 } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Shop } from "@row/laptop/shop/shop.ts";
import { type EventAttributes, fromHeaders, toHeaders } from "@row/runtime/events/headers.ts";
import type { EventType } from "@row/runtime/events/outbox.ts";
import { streamOf } from "@row/runtime/events/stream-names.ts";

interface HasNats {
  readonly infrastructure: Pick<Shop["infrastructure"], "nats">;
}

/** An event as it stands in its stream. */
export interface StoredEvent<T> extends EventAttributes {
  message: T;
}

/** Reads and writes the streams with the operator's rights. */
export class EventStreams {
  readonly #connection: NatsConnection;

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  static async connect({ shop }: { readonly shop: HasNats }): Promise<EventStreams> {
    const { url, user, password } = shop.infrastructure.nats;
    return new EventStreams(await connect({ servers: url, user, pass: password, name: "test" }));
  }

  /** To look at, and break, streams and consumers. */
  manager(): Promise<JetStreamManager> {
    return jetstreamManager(this.#connection);
  }

  /** Every stored event of a type, oldest first. */
  async all<T>(type: EventType<T>): Promise<StoredEvent<T>[]> {
    const { streams } = await jetstreamManager(this.#connection);
    const stream = streamOf(type.$type);
    const { state } = await streams.info(stream);
    const events: StoredEvent<T>[] = [];
    for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
      const stored = await streams.getMessage(stream, { seq });
      if (stored?.subject !== type.$type) continue;
      events.push({ ...fromHeaders(stored.header), message: type.decode(stored.data) });
    }
    return events;
  }

  /** Waits for an event that the condition accepts. */
  async one<T>(type: EventType<T>, accepts: (event: StoredEvent<T>) => boolean, seconds = 10): Promise<StoredEvent<T>> {
    const end = Date.now() + seconds * 1_000;
    for (;;) {
      const found = (await this.all(type)).find(accepts);
      if (found) return found;
      if (Date.now() > end) throw new Error(`Waited ${seconds} s in vain for ${type.$type}`);
      await sleep(50);
    }
  }

  /** Publishes an event as its own service would; the same `id` again is a redelivery. */
  async publish<T>(type: EventType<T>, aggregateId: string, sequence: bigint, message: T, id = randomUUIDv7()) {
    const producer = `${type.$type.split(".")[1]}/v1/test`;
    const origin = { correlationId: randomUUIDv7(), traceparent: "", producer };
    const headers = toHeaders({ id, type: type.$type, time: new Date(), aggregateId, sequence, ...origin });
    headers.set("Nats-Msg-Id", randomUUIDv7()); // the stream's own deduplication is not what consumers rely on
    this.#connection.publish(type.$type, type.encode(message).finish(), { headers });
    await this.#connection.flush();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
