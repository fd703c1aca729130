import type { FileRegistry } from "@bufbuild/protobuf";
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { consumerConfig, deadLetterStreamConfig, eventsIn, streamConfigs, streamOf } from "./stream-names.ts";

/** What a service listens to. */
export interface Listener {
  readonly name: string;
  /** Full names of events. */
  readonly consumes: readonly string[];
}

/**
 * Makes a stream for every publishing domain, the dead letters, and a durable consumer for every event a service listens to.
 * May run again at any time. Throws where a service listens to what no contract declares.
 */
export async function provisionStreams(
  connection: NatsConnection,
  contracts: FileRegistry,
  listeners: readonly Listener[],
): Promise<void> {
  checkDeclared(contracts, listeners);
  await makeStreams(connection, contracts);
  await makeConsumers(connection, listeners);
}

/** Throws where a service listens to what no contract declares. */
export function checkDeclared(contracts: FileRegistry, listeners: readonly Listener[]): void {
  const events = new Set(eventsIn(contracts).map(({ name }) => name));
  for (const { name, consumes } of listeners) {
    const unknown = consumes.find((event) => !events.has(event));
    if (unknown === undefined) continue;
    throw new Error(
      `Cannot make ${name}'s consumers: it lists ${unknown} under "consumes", but no contract declares that event`,
    );
  }
}

/** Makes the streams of the contracts that are not there, and gives the others the settings of now. */
export async function makeStreams(connection: NatsConnection, contracts: FileRegistry): Promise<void> {
  const manager = await jetstreamManager(connection);
  const configs = [...streamConfigs(contracts), deadLetterStreamConfig()];
  await Promise.all(configs.map((config) => ensureStream(manager, config)));
}

/**
 * Makes a durable consumer for every event, whose streams are there. It outlives who reads it, and with it how far that had got.
 * One that is made again gets all that its stream holds, and its service's inbox knows what of that it had.
 */
export async function makeConsumers(connection: NatsConnection, listeners: readonly Listener[]): Promise<void> {
  const manager = await jetstreamManager(connection);
  const consumers = listeners.flatMap(({ name, consumes }) => consumes.map((event) => ({ name, event })));
  await Promise.all(
    consumers.map(({ name, event }) => ensureConsumer(manager, streamOf(event), consumerConfig(name, event))),
  );
}

const NAME_IN_USE = 10058;
const CONSUMER_EXISTS = 10148;

async function ensureStream(
  manager: JetStreamManager,
  config: ReturnType<typeof deadLetterStreamConfig>,
): Promise<void> {
  try {
    await manager.streams.add(config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== NAME_IN_USE) throw error;
    await manager.streams.update(config.name, config);
  }
}

/** A consumer that an older version made keeps its place in the stream and gets the settings of now. */
async function ensureConsumer(
  manager: JetStreamManager,
  stream: string,
  config: ReturnType<typeof consumerConfig>,
): Promise<void> {
  try {
    await manager.consumers.add(stream, config);
  } catch (error) {
    // Servers before 2.10 change a consumer that exists; later ones refuse to make it again.
    if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_EXISTS) throw error;
    await manager.consumers.update(stream, config.durable_name, config);
  }
}
