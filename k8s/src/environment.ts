import { GRPC_PORT } from "@row/runtime/names.ts";
import {
  type Environment,
  type Platform,
  secretEnvironment,
  serviceEnvironment,
  storeEnvironment,
} from "@row/topology/environment.ts";
import { redisVariable } from "@row/topology/redis.ts";
import { isCallable, type MeshedService, type ServiceManifest } from "@row/topology/service-manifest.ts";
import type { IEnvVar } from "kubernetes-models/v1";
import { fromPod, fromSecret } from "./pod.ts";
import type { ShopPlan } from "./shop.ts";

/** Every pod's port for probes and scraping. */
export const ADMIN_PORT = 9090;

/** Where the observability profile says where traces go; without that profile there is no such ConfigMap. */
const TELEMETRY = "telemetry";

/** Everything a service's container is told; the image says the rest (NODE_ENV). */
export function containerEnvironment(service: MeshedService, shop: ShopPlan): IEnvVar[] {
  const { name, port } = service;
  const http: Record<string, string> =
    service.kind === "gateway" ? { GRPC_LISTEN_ADDRESS: everywhere(service.grpcPort) } : {};
  return [
    fromPod("SERVICE_VERSION", "metadata.labels['app.kubernetes.io/version']"),
    fromPod("INSTANCE", "metadata.name"),
    ...values({
      LISTEN_ADDRESS: everywhere(isCallable(service) ? GRPC_PORT : port),
      ...http,
      ADMIN_ADDRESS: everywhere(ADMIN_PORT),
      // The sidecar speaks for the process: it does not state its own identity, and retries nothing.
      MESH: "on",
    }),
    {
      name: "OTEL_EXPORTER_OTLP_ENDPOINT",
      valueFrom: { configMapKeyRef: { name: TELEMETRY, key: "OTEL_EXPORTER_OTLP_ENDPOINT", optional: true } },
    },
    ...variables(serviceEnvironment(service, shop.services, platformFor(name, shop))),
  ];
}

/** What a seed gets: the database, the service's own secrets, and the password of the people it makes. */
export function seedEnvironment(service: ServiceManifest, shop: ShopPlan): IEnvVar[] {
  const platform = platformFor(service.name, shop);
  return [
    ...variables({ ...storeEnvironment(service, platform), ...secretEnvironment(service, platform) }),
    fromSecret("DEMO_PASSWORD", "demo"),
  ];
}

/** Where a cluster has what a service needs: what is secret stands in the Secret of its name. */
function platformFor(name: string, shop: ShopPlan): Platform<Reference> {
  const secret = (variable: string) => ({ variable, secret: name });
  return {
    addressOf,
    secret,
    store: {
      postgres: () => secret("DATABASE_URL"),
      redis: (_, use) => secret(redisVariable(use)),
      natsUrl: "nats://nats:4222",
      natsPassword: () => secret("NATS_PASSWORD"),
      usesNats: (service) => shop.natsUsers.includes(service),
    },
  };
}

/** A key of a Secret, named like the variable. */
interface Reference {
  readonly variable: string;
  readonly secret: string;
}

function variables(told: Environment<Reference>): IEnvVar[] {
  return Object.entries(told).map(([name, value]) =>
    typeof value === "string" ? { name, value } : fromSecret(value.variable, value.secret),
  );
}

// The name of its Service: routes, retries and splits hang on that, and on no pod's own address.
function addressOf(service: ServiceManifest): string {
  return `${service.name}:${isCallable(service) ? GRPC_PORT : service.port}`;
}

export function everywhere(port: number): string {
  return `0.0.0.0:${port}`;
}

export function values(variables: Readonly<Record<string, string>>): IEnvVar[] {
  return Object.entries(variables).map(([name, value]) => ({ name, value }));
}
