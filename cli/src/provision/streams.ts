import type { FileRegistry } from "@bufbuild/protobuf";
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import {
  consumerConfig,
  deadLetterStreamConfig,
  eventsIn,
  streamConfigs,
  streamOf,
} from "@row/runtime/stream-names.ts";
import { NATS_ADMIN } from "../infra/nats-configuration.ts";
import { RowError } from "../row-error.ts";
import type { Secrets } from "../secrets.ts";
import type { ServiceManifest } from "../service-manifest.ts";

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

/** Makes a stream for every publishing domain, the dead letters, and a durable consumer for every event a service listens to. */
export async function provisionStreams(
  connection: NatsConnection,
  contracts: FileRegistry,
  services: ServiceManifest[],
): Promise<void> {
  const manager = await jetstreamManager(connection);
  const events = new Set(eventsIn(contracts).map(({ name }) => name));
  await Promise.all(
    [...streamConfigs(contracts), deadLetterStreamConfig()].map((config) => ensureStream(manager, config)),
  );
  const consumers = services.flatMap((service) => service.consumes.map((event) => ({ service, event })));
  await Promise.all(
    consumers.map(async ({ service, event }) => {
      if (!events.has(event)) {
        throw new RowError(`${service.name} lists ${event} under "consumes", but no contract declares that event`);
      }
      await manager.consumers.add(streamOf(event), consumerConfig(service.name, event));
    }),
  );
}

const NAME_IN_USE = 10058;

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
