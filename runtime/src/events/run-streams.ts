// Makes the streams and consumers of a shop in a cluster, once per Job: every image has the contracts, and CONSUMERS holds who
// listens to what, "catalog=shop.inventory.v1.StockLevelChanged,…".
import { parseEnv, text } from "../config.ts";
import { registry } from "../contract.ts";
import { createLogger } from "../telemetry/logger.ts";
import { eventVariables } from "../variables.ts";
import { connectNats } from "./nats.ts";
import { type Listener, provisionStreams } from "./streams.ts";

const { natsUrl, natsUser, natsPassword, consumers } = parseEnv({
  ...eventVariables,
  consumers: text("CONSUMERS", "-"),
});
const log = createLogger({ service: "nats-streams" }, "info");

const nats = await connectNats({ url: natsUrl, user: natsUser, password: natsPassword, log, timeoutMs: 120_000 });
try {
  await provisionStreams(nats.connection, registry, listeners(consumers));
  log.info("every stream and consumer is there");
} finally {
  await nats.close();
}

function listeners(list: string): Listener[] {
  return list
    .split(",")
    .filter((pair) => pair.includes("="))
    .map((pair) => pair.split("="))
    .map(([name = "", event = ""]) => ({ name, consumes: [event] }));
}
