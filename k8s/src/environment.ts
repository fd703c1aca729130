import { GRPC_PORT } from "@row/runtime/names.ts";
import { calleeVariable } from "@row/topology/callees.ts";
import { isCallable, type MeshedService, type ServiceManifest } from "@row/topology/service-manifest.ts";
import type { IEnvVar } from "kubernetes-models/v1";
import { fromPod, fromSecret } from "./pod.ts";
import type { ShopPlan } from "./shop.ts";

/** Every pod's port for probes and scraping. */
export const ADMIN_PORT = 9090;

/** Where the observability profile says where traces go; without that profile there is no such ConfigMap. */
const TELEMETRY = "telemetry";

/** Everything a service's container is told; the image says the rest (NODE_ENV). */
export function serviceEnvironment(service: MeshedService, shop: ShopPlan): IEnvVar[] {
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
    ...storeEnvironment(service),
    ...(shop.natsUsers.includes(service) ? natsEnvironment(name) : []),
    ...values(Object.assign({}, ...shop.callees(service).map((callee) => calleeVariable(callee, addressOf(callee))))),
    ...service.secrets.map((variable) => fromSecret(variable, name)),
    ...values(service.env),
  ];
}

/** What a seed gets: the database, the service's own secrets, and the password of the people it makes. */
export function seedEnvironment(service: ServiceManifest): IEnvVar[] {
  return [
    ...storeEnvironment(service),
    ...service.secrets.map((variable) => fromSecret(variable, service.name)),
    fromSecret("DEMO_PASSWORD", "demo"),
  ];
}

function storeEnvironment({ name, postgres, redis }: ServiceManifest): IEnvVar[] {
  return [
    ...(postgres ? [fromSecret("DATABASE_URL", name)] : []),
    ...redis.map((use) => fromSecret(redisVariable(use), name)),
  ];
}

/** "REDIS_DURABLE_URL" */
export function redisVariable(use: string): string {
  return `REDIS_${use.toUpperCase()}_URL`;
}

function natsEnvironment(name: string): IEnvVar[] {
  return [...values({ NATS_URL: "nats://nats:4222", NATS_USER: name }), fromSecret("NATS_PASSWORD", name)];
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
