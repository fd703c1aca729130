/** Whether JetStream has every stream and consumer that the contracts and the services' manifests ask for. */
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { consumerConfig, deadLetterStreamConfig, streamConfigs, streamOf } from "@row/runtime/events/stream-names.ts";
import { loadContracts } from "@row/topology/contracts.ts";
import { messageOf } from "@row/topology/row-error.ts";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import type { Installation } from "../installation.ts";
import { connectAsAdmin } from "../provision/streams.ts";
import { Secrets } from "../secrets.ts";
import { storePorts } from "../stores/ports.ts";
import { bad, type Finding, good } from "./finding.ts";

const ANEW = "start the shop anew, which makes it: `npx row down`, then `npm start`";
const NOT_FOUND = 404;

/** Of a shop that runs these services. */
export async function checkConsumers(
  installation: Installation,
  services: readonly ServiceManifest[],
): Promise<Finding[]> {
  const { root, stateDir } = installation;
  try {
    const connection = await connectAsAdmin(storePorts(installation).nats, new Secrets(stateDir));
    try {
      return await compare(await jetstreamManager(connection, { timeout: 2_000 }), root, services);
    } finally {
      await connection.close();
    }
  } catch (error) {
    return [bad("events", `NATS cannot be asked: ${messageOf(error)}`, "see `npx row logs nats`")];
  }
}

async function compare(
  manager: JetStreamManager,
  root: string,
  services: readonly ServiceManifest[],
): Promise<Finding[]> {
  const streams = [...streamConfigs(loadContracts(root)), deadLetterStreamConfig()];
  const wanted = services.flatMap(({ name, consumes }) =>
    consumes.map((event) => ({ stream: streamOf(event), config: consumerConfig(name, event) })),
  );
  const missing = await Promise.all([
    ...streams.map(async ({ name }) => ((await found(manager.streams.info(name))) ? [] : [`the stream ${name}`])),
    ...wanted.map(async ({ stream, config }) => {
      const consumer = await found(manager.consumers.info(stream, config.durable_name));
      const what = `the consumer ${config.durable_name} of ${stream}`;
      if (!consumer) return [what];
      return consumer.config.filter_subject === config.filter_subject ? [] : [`${what} for ${config.filter_subject}`];
    }),
  ]);
  if (missing.flat().length > 0) return missing.flat().map((what) => bad("events", `${what} is missing`, ANEW));
  return [good("events", `every stream (${streams.length}) and consumer (${wanted.length}) is there`)];
}

async function found<Info>(asked: Promise<Info>): Promise<Info | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === NOT_FOUND) return undefined;
    throw error;
  }
}
