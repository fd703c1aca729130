/** Every environment variable that the edge reads beyond what each process has. */
import { address, optional, text, type Variable } from "@row/runtime/config.ts";
import { endUserVariables } from "@row/runtime/variables.ts";
import { servicesForEndUsers } from "./contract.ts";

export const variables = {
  ...endUserVariables,
  grpcListenAddress: address("GRPC_LISTEN_ADDRESS"),
  /** Comma-separated; "http://localhost:*" lets any port in. */
  corsOrigins: list("CORS_ORIGINS", ["http://localhost:*", "http://127.0.0.1:*"]),
};

/** CATALOG_ADDRESS and so on: a service without one is not served. */
export const serviceVariables: Readonly<Record<string, Variable<string | undefined>>> = Object.fromEntries(
  servicesForEndUsers.map((service) => [service, optional(address(`${service.toUpperCase()}_ADDRESS`))]),
);

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
