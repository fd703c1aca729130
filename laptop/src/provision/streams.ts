import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Secrets } from "../secrets.ts";
import { NATS_ADMIN } from "../stores/nats-configuration.ts";

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
