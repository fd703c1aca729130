/** Every environment variable that the edge reads beyond what each process has. */
import { address, integer, optional, text, type Variable } from "@row/runtime/config.ts";
import { addressVariable } from "@row/runtime/names.ts";
import { endUserVariables } from "@row/runtime/variables.ts";
import { servicesForEndUsers } from "./contract.ts";
import { MAX_CONNECTIONS } from "./http/connection-limits.ts";

/** The key under which a service's address is in the configuration. */
export function addressKey(service: string): string {
  return `${service}Address`;
}

/** CATALOG_ADDRESS and so on: a service without one is not served. */
const addresses: Readonly<Record<string, Variable<string | undefined>>> = Object.fromEntries(
  servicesForEndUsers.map((service) => [addressKey(service), optional(address(addressVariable(service)))]),
);

export const variables = {
  ...addresses,
  ...endUserVariables,
  grpcListenAddress: address("GRPC_LISTEN_ADDRESS"),
  /** Connections at once, half of them from one address; not counted behind a sidecar, which counts for itself. */
  maxConnections: integer("MAX_CONNECTIONS", { min: 2, max: 100_000 }, MAX_CONNECTIONS),
  /** Comma-separated; "http://localhost:*" lets any port in. */
  corsOrigins: list("CORS_ORIGINS", ["http://localhost:*", "http://127.0.0.1:*"]),
};

function list(name: string, fallback: readonly string[]): Variable<readonly string[]> {
  const { parse } = text(name);
  return {
    name,
    fallback,
    parse: (value) =>
      parse(value)
        .split(",")
        .map((one) => one.trim())
        .filter((one) => one !== ""),
  };
}
