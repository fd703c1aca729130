/** What is wrong with streams and consumers on the server: only who provisions may make them, so whoever reads through one says so. */
import { isDeepStrictEqual } from "node:util";
import type { FileRegistry } from "@bufbuild/protobuf";
import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import { consumerConfig, deadLetterStreamConfig, durableOf, streamConfigs, streamOf } from "./stream-names.ts";
import type { Listener } from "./streams.ts";

/** Its stream or itself is gone, or it would hand out other events, or otherwise, than a service counts on. */
export const CONSUMER_FAULTS = ["stream missing", "missing", "misconfigured"] as const;
export type ConsumerFault = (typeof CONSUMER_FAULTS)[number];

const CONSUMER_NOT_FOUND = 10014;
const STREAM_NOT_FOUND = 10059;

/** Looks at the consumer of a service for an event; undefined when it is as it should be. Throws when the server cannot be asked. */
export async function consumerFault(
  { consumers }: Pick<JetStreamManager, "consumers">,
  service: string,
  event: string,
): Promise<ConsumerFault | undefined> {
  try {
    const { config } = await consumers.info(streamOf(event), durableOf(service, event));
    return isAsWanted(config, consumerConfig(service, event)) ? undefined : "misconfigured";
  } catch (error) {
    return faultOf(error);
  }
}

/** The same for a stream. */
async function streamFault(
  { streams }: Pick<JetStreamManager, "streams">,
  wanted: ReturnType<typeof deadLetterStreamConfig>,
): Promise<ConsumerFault | undefined> {
  try {
    const { config } = await streams.info(wanted.name);
    return isAsWanted(config, wanted) ? undefined : "misconfigured";
  } catch (error) {
    return faultOf(error);
  }
}

/** A stream, or a service's consumer in it, that is not as it should be. */
export interface EventFault {
  readonly stream: string;
  /** Absent where the stream itself is meant. */
  readonly consumer?: { readonly service: string; readonly event: string };
  readonly fault: ConsumerFault;
}

/** Looks at every stream of the contracts and every consumer of the listeners. Throws when the server cannot be asked. */
export async function eventFaults(
  manager: Pick<JetStreamManager, "streams" | "consumers">,
  contracts: FileRegistry,
  listeners: readonly Listener[],
): Promise<EventFault[]> {
  const ofStreams = [...streamConfigs(contracts), deadLetterStreamConfig()].map(async (config) => {
    const fault = await streamFault(manager, config);
    return fault ? [{ stream: config.name, fault }] : [];
  });
  const consumers = listeners.flatMap(({ name, consumes }) => consumes.map((event) => ({ service: name, event })));
  const ofConsumers = consumers.map(async (consumer) => {
    const fault = await consumerFault(manager, consumer.service, consumer.event);
    // Of a stream that is gone the stream's own fault tells.
    return fault && fault !== "stream missing" ? [{ stream: streamOf(consumer.event), consumer, fault }] : [];
  });
  return (await Promise.all([...ofStreams, ...ofConsumers])).flat();
}

/** "catalog's consumer of shop.inventory.v1.StockLevelChanged is missing" */
export function describeFault({ stream, consumer, fault }: EventFault): string {
  const what = consumer ? `${consumer.service}'s consumer of ${consumer.event}` : `the stream ${stream}`;
  return `${what} is ${fault === "misconfigured" ? "not as it should be" : "missing"}`;
}

/** What an answer of the server means; throws what means nothing. */
function faultOf(error: unknown): ConsumerFault {
  if (error instanceof JetStreamApiError && error.code === CONSUMER_NOT_FOUND) return "missing";
  if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return "stream missing";
  throw error;
}

function isAsWanted<Config extends object>(found: Config, wanted: Partial<Config>): boolean {
  return Object.entries(wanted).every(([key, value]) => isDeepStrictEqual(found[key as keyof Config], value));
}
