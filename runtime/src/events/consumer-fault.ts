/** What is wrong with a durable consumer on the server: nobody but who provisions may make it, so whoever reads through it says so. */
import { type ConsumerConfig, JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import { consumerConfig, durableOf, streamOf } from "./stream-names.ts";

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

/** What an answer of the server means for a consumer; throws what means nothing. */
function faultOf(error: unknown): ConsumerFault {
  if (error instanceof JetStreamApiError && error.code === CONSUMER_NOT_FOUND) return "missing";
  if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return "stream missing";
  throw error;
}

function isAsWanted(found: ConsumerConfig, wanted: Partial<ConsumerConfig>): boolean {
  return Object.entries(wanted).every(([key, value]) => found[key as keyof ConsumerConfig] === value);
}
