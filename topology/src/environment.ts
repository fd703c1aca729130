/** What a service's process is told by its environment, the same wherever it runs; a platform says where things are. */
import { calleesOf, calleeVariable } from "./callees.ts";
import { redisVariable } from "./redis.ts";
import { isMeshed, type MeshedService, type RedisUse, type ServiceManifest } from "./service-manifest.ts";

/** Where a platform has what services need. `Secret` is how it hands over what is not to be seen: a text, or a reference. */
export interface Platform<Secret> {
  /** "127.0.0.1:5053", "unix:/path" or "catalog:50051" */
  addressOf(callee: ServiceManifest): string;
  /** A secret of the service's own, made for this installation. */
  secret(variable: string): Secret;
  readonly store: {
    postgres(service: ServiceManifest): Secret;
    redis(service: ServiceManifest, use: RedisUse): Secret;
    readonly natsUrl: string;
    natsPassword(service: MeshedService): Secret;
    /** Whether it has a NATS user: it publishes or consumes events. */
    usesNats(service: MeshedService): boolean;
  };
}

export type Environment<Secret> = Record<string, string | Secret>;

/** Stores, callees, secrets and the values of service.yaml; who the process is and where it listens is the platform's to say. */
export function serviceEnvironment<Secret>(
  service: ServiceManifest,
  services: readonly ServiceManifest[],
  platform: Platform<Secret>,
): Environment<Secret> {
  const { store } = platform;
  const told: Environment<Secret> = { ...storeEnvironment(service, platform) };
  if (isMeshed(service)) {
    if (store.usesNats(service)) {
      told.NATS_URL = store.natsUrl;
      told.NATS_USER = service.name;
      told.NATS_PASSWORD = store.natsPassword(service);
    }
    for (const callee of calleesOf(service, services)) {
      Object.assign(told, calleeVariable(callee, platform.addressOf(callee)));
    }
  }
  return { ...told, ...secretEnvironment(service, platform), ...service.env };
}

/** What keeps the service's data. */
export function storeEnvironment<Secret>(
  service: ServiceManifest,
  { store }: Pick<Platform<Secret>, "store">,
): Environment<Secret> {
  return {
    ...(service.postgres ? { DATABASE_URL: store.postgres(service) } : {}),
    ...Object.fromEntries(service.redis.map((use) => [redisVariable(use), store.redis(service, use)])),
  };
}

/** The service's own secrets. */
export function secretEnvironment<Secret>(
  service: ServiceManifest,
  { secret }: Pick<Platform<Secret>, "secret">,
): Environment<Secret> {
  return Object.fromEntries(service.secrets.map((variable) => [variable, secret(variable)]));
}
