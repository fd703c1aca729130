import { natsPermissions } from "@row/runtime/stream-names.ts";
import type { Secrets } from "../secrets.ts";
import type { ServiceManifest } from "../service-manifest.ts";

export const NATS_ADMIN = "row";

/** nats-server's configuration: loopback only, JetStream on disk, and one user per service with the least it needs. */
export function natsConfiguration(
  ports: { nats: number; natsMonitor: number },
  store: string,
  secrets: Secrets,
  services: ServiceManifest[],
): string {
  const users = [
    { user: NATS_ADMIN, password: secrets.get(`nats/${NATS_ADMIN}`) },
    ...services
      .filter(({ outside }) => !outside)
      .map((service) => ({
        user: service.name,
        password: secrets.get(`nats/${service.name}`),
        permissions: natsPermissions({ service: service.name, consumes: service.consumes }),
      })),
  ];
  // The server reads a superset of JSON.
  const configuration = {
    listen: `127.0.0.1:${ports.nats}`,
    http: `127.0.0.1:${ports.natsMonitor}`,
    server_name: "canary-row",
    jetstream: { store_dir: store, max_memory_store: 64 * 1024 ** 2, max_file_store: 16 * 1024 ** 3 },
    authorization: { users },
  };
  return `${JSON.stringify(configuration, null, 2)}\n`;
}
