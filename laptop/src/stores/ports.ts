import { createServer } from "node:net";
import { redisUses } from "@row/topology/redis.ts";
import { RowError } from "@row/topology/row-error.ts";
import { portsOf, type ServiceManifest } from "@row/topology/service-manifest.ts";
import { type Installation, realPort } from "../installation.ts";
import { portOwner } from "./port-owner.ts";

/** The ports of the stores, declared like a service's. */
const DECLARED = { postgres: 5480, nats: 5481, natsMonitor: 5482, redisDurable: 5483, redisCache: 5484 };

export type StorePorts = typeof DECLARED;

export function storePorts(installation: Installation): StorePorts {
  const at = (declared: number) => realPort(installation, declared);
  return {
    postgres: at(DECLARED.postgres),
    nats: at(DECLARED.nats),
    natsMonitor: at(DECLARED.natsMonitor),
    redisDurable: at(DECLARED.redisDurable),
    redisCache: at(DECLARED.redisCache),
  };
}

export function servicePorts(installation: Installation, services: ServiceManifest[]): Map<number, string> {
  const ports = new Map<number, string>();
  for (const service of services) {
    for (const [protocol, port] of Object.entries(portsOf(service))) {
      const what = port === service.port ? "" : `, ${protocol === "grpc" ? "gRPC" : protocol}`;
      ports.set(realPort(installation, port), `${service.name}${what}`);
    }
  }
  return ports;
}

/** Every port that the stores of these services take, and whose it is. */
export function namedStorePorts(
  installation: Installation,
  services: readonly Pick<ServiceManifest, "redis">[],
): Map<number, string> {
  const ports = storePorts(installation);
  const redis = { durable: ports.redisDurable, cache: ports.redisCache };
  return new Map([
    [ports.postgres, "postgres"],
    [ports.nats, "nats"],
    [ports.natsMonitor, "nats, monitor"],
    ...redisUses(services).map((use): [number, string] => [redis[use], `redis-${use}`]),
  ]);
}

/** Refuses, before anything is started, when a port this shop needs belongs to somebody else. */
export async function checkPortsAreFree(ports: Map<number, string>): Promise<void> {
  const free = await Promise.all([...ports.keys()].map(async (port) => ({ port, free: await canListen(port) })));
  const taken = free.filter((answer) => !answer.free).map(({ port }) => port);
  if (taken.length === 0) return;
  const lines = taken.map((port) => `Port ${port} (${ports.get(port)}) is taken by ${portOwner(port)}`);
  throw new RowError(
    `${lines.join("\n")}\nStop what uses ${taken.length > 1 ? "them" : "it"}, or choose other ports with ROW_PORT_BASE`,
  );
}

/** Whether nobody listens on the port of this machine yet. */
export function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
