import { type FileRegistry, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type JetStreamManager, jetstream, jetstreamManager, type StoredMsg } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { DEAD_LETTERS } from "@row/runtime/stream-names.ts";
import { RowError } from "./row-error.ts";

/** An event that a service gave up on, as it lies in the dead-letter stream. */
export interface DeadLetter {
  id: number;
  service: string;
  event: string;
  time: string;
  headers: Record<string, string>;
  payload: Uint8Array;
}

/** The dead letters of a shop: to look at, to publish again and to delete. */
export class DeadLetters {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;

  private constructor(connection: NatsConnection, manager: JetStreamManager) {
    this.#connection = connection;
    this.#manager = manager;
  }

  static async over(connection: NatsConnection): Promise<DeadLetters> {
    return new DeadLetters(connection, await jetstreamManager(connection));
  }

  async list(): Promise<DeadLetter[]> {
    const { state } = await this.#manager.streams.info(DEAD_LETTERS);
    const letters: DeadLetter[] = [];
    for (let id = state.first_seq; letters.length < state.messages && id <= state.last_seq; id += 1) {
      const letter = await this.#read(id);
      if (letter) letters.push(letter);
    }
    return letters;
  }

  async get(id: number): Promise<DeadLetter> {
    const letter = await this.#read(id);
    if (!letter) throw new RowError(`There is no dead letter ${id}`);
    return letter;
  }

  /**
   * Publishes the event again on its own subject. The message id is fresh, or the stream would take it for a duplicate;
   * the event id stays, so that services which have applied it already do nothing.
   */
  async replay(letter: DeadLetter): Promise<void> {
    const sent = headers();
    for (const [name, value] of Object.entries(letter.headers)) {
      if (!isAboutTheLetter(name)) sent.set(name, value);
    }
    await jetstream(this.#connection).publish(letter.event, letter.payload, {
      headers: sent,
      msgID: crypto.randomUUID(),
    });
    await this.drop(letter);
  }

  async drop(letter: DeadLetter): Promise<void> {
    await this.#manager.streams.deleteMessage(DEAD_LETTERS, letter.id, false);
  }

  async #read(id: number): Promise<DeadLetter | undefined> {
    const stored = await this.#manager.streams.getMessage(DEAD_LETTERS, { seq: id });
    return stored ? parse(stored) : undefined;
  }
}

// What the service that gave up added, and what the server makes of its own.
function isAboutTheLetter(name: string): boolean {
  return /^(dead-|x-dead-|nats-)/i.test(name);
}

function parse(stored: StoredMsg): DeadLetter {
  // dead.<service>.<full name of the event>
  const [, service = "", ...event] = stored.subject.split(".");
  return {
    id: stored.seq,
    service,
    event: event.join("."),
    time: stored.timestamp,
    headers: Object.fromEntries(stored.header.keys().map((name) => [name, stored.header.get(name)])),
    payload: stored.data,
  };
}

/** The payload as JSON, or as base64 when no contract can read it. */
export function readPayload({ event, payload }: DeadLetter, contracts: FileRegistry): JsonValue {
  const schema = contracts.getMessage(event);
  try {
    if (schema) return toJson(schema, fromBinary(schema, payload), { registry: contracts, alwaysEmitImplicit: true });
  } catch {
    // Not what its subject says, which may be the very reason why it is dead.
  }
  return Buffer.from(payload).toString("base64");
}
