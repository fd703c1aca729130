import { isMeshed, type ServiceManifest } from "@row/topology/service-manifest.ts";
import { allowAccounts } from "./authorizations.ts";
import type { KubernetesObject } from "./kubernetes-object.ts";
import { account, server } from "./servers.ts";

/** The account that a service's migrations and seeds run under. */
export function migrationAccount(service: string): string {
  return `${service}-migrate`;
}

/** The account of the Job that creates streams and consumers, as `row up` does on a laptop. */
export const STREAMS_ACCOUNT = "nats-streams";

/** The account of the Job that creates a database and a role for every service. */
export const DATABASES_ACCOUNT = "postgres-databases";

/** Who may connect to the stores; what each may do there is for the stores' own users and roles. */
export function storePolicies(
  services: readonly ServiceManifest[],
  publishes: (service: string) => boolean,
): Map<string, KubernetesObject[]> {
  const inMesh = services.filter(isMeshed);
  const who = (uses: (service: ServiceManifest) => boolean) => inMesh.filter(uses).map(({ name }) => name);
  const owners = who(({ postgres }) => postgres);
  const nats = who(({ name, consumes }) => consumes.length > 0 || publishes(name));
  return new Map([
    [
      "postgres",
      [
        ...store("postgres", 5432, [...owners, ...owners.map(migrationAccount), DATABASES_ACCOUNT]),
        account(DATABASES_ACCOUNT, "postgres"),
      ],
    ],
    ["nats", [...store("nats", 4222, [...nats, STREAMS_ACCOUNT]), account(STREAMS_ACCOUNT, "nats")]],
    [
      "redis-durable",
      store(
        "redis-durable",
        6379,
        who(({ redis }) => redis.includes("durable")),
      ),
    ],
    [
      "redis-cache",
      store(
        "redis-cache",
        6379,
        who(({ redis }) => redis.includes("cache")),
      ),
    ],
  ]);
}

// Their protocols are not HTTP, and NATS speaks first, so the proxy must not wait for what the client says.
function store(name: string, port: number, clients: readonly string[]): KubernetesObject[] {
  const allowed = clients.length === 0 ? [] : allowAccounts(`${name}-clients`, name, { kind: "Server", name }, clients);
  return [account(name), server(name, name, port, "opaque"), ...allowed];
}
