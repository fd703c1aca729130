import { join } from "node:path";
import { natsConfiguration, natsUser } from "@row/runtime/events/nats-configuration.ts";
import { isMeshed, type ServiceManifest } from "@row/topology/service-manifest.ts";
import type { Secrets } from "../secrets.ts";

export const NATS_ADMIN = "row";

/** The laptop's nats-server: loopback only, and one user per service with the least it needs. */
export function laptopNatsConfiguration(
  ports: { nats: number; natsMonitor: number },
  stateDir: string,
  secrets: Secrets,
  services: ServiceManifest[],
): string {
  const password = (user: string) => secrets.get(`nats/${user}`);
  return natsConfiguration(
    {
      listen: `127.0.0.1:${ports.nats}`,
      http: `127.0.0.1:${ports.natsMonitor}`,
      store: natsStore(stateDir),
      maxFileStore: 16 * 1024 ** 3,
    },
    [
      { user: NATS_ADMIN, password: password(NATS_ADMIN) },
      ...services.filter(isMeshed).map(({ name, consumes }) => natsUser(name, consumes, password(name))),
    ],
  );
}

export function natsConfigurationFile(stateDir: string): string {
  return join(stateDir, "nats.conf");
}

export function natsStore(stateDir: string): string {
  return join(stateDir, "nats");
}
