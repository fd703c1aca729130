import { integer, url } from "@row/runtime/config.ts";
import { databaseVariables, endUserVariables, eventVariables } from "@row/runtime/variables.ts";

/** Every variable that payments reads beyond those of each process. */
export const variables = {
  ...databaseVariables,
  ...eventVariables,
  ...endUserVariables,
  cardGatewayUrl: url("CARD_GATEWAY_URL", ["http"]),
  /** How long the gateway may take; less than the call's own time, so that the answer to orders is ours. */
  gatewayTimeoutMs: integer("GATEWAY_TIMEOUT_MS", { min: 50, max: 10_000 }, 1_500),
  /** Requests at the gateway at once; further ones wait, as long as their own deadline lets them. */
  gatewayConcurrency: integer("GATEWAY_CONCURRENCY", { min: 1, max: 1_000 }, 64),
};
