import { integer } from "@row/runtime/config.ts";
import { databaseVariables, endUserVariables, eventVariables } from "@row/runtime/variables.ts";

/** Every variable that orders reads beyond those of each process. */
export const variables = {
  ...databaseVariables,
  ...eventVariables,
  ...endUserVariables,
  /** How long trouble before the charge is worth another try. */
  sagaTimeoutMs: integer("SAGA_TIMEOUT_MS", { min: 100, max: 600_000 }, 30_000),
  /** Sagas that one process drives at once. */
  sagaConcurrency: integer("SAGA_CONCURRENCY", { min: 1, max: 1_000 }, 96),
};
