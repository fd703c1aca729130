import { REDIS_ADMIN, redisVariable } from "@row/topology/redis.ts";
import type { MeshedService } from "@row/topology/service-manifest.ts";
import { NATS_ADMIN, passwordVariable as natsPassword } from "./infrastructure/nats.ts";
import { POSTGRES_PORT } from "./infrastructure/postgres.ts";
import { REDIS_PORT, passwordVariable as redisPassword } from "./infrastructure/redis.ts";
import type { ShopPlan } from "./shop.ts";

/** One key of one Secret. */
export interface SecretKey {
  readonly secret: string;
  readonly key: string;
  /** "random", "readable", or a text in which {secret/key} stands for what another key holds. */
  readonly value: string;
}

/** Every key of every Secret, those that others refer to first. `k8s/secrets.sh` makes what is missing. */
export function secretKeys(shop: ShopPlan): SecretKey[] {
  const random = (secret: string, key: string): SecretKey => ({ secret, key, value: "random" });
  return [
    { secret: "demo", key: "DEMO_PASSWORD", value: "readable" },
    random("postgres", "POSTGRES_PASSWORD"),
    ...shop.databases.map(({ name }) => random("postgres-roles", name)),
    random("nats-users", natsPassword(NATS_ADMIN)),
    ...shop.natsUsers.map(({ name }) => random("nats-users", natsPassword(name))),
    ...(["durable", "cache"] as const).flatMap((use) =>
      [REDIS_ADMIN, ...shop.redisUsers(use).map(({ name }) => name)].map((user) =>
        random(`redis-${use}`, redisPassword(user)),
      ),
    ),
    ...shop.meshed.flatMap((service) => serviceSecret(service, shop)),
  ];
}

/** A service has one Secret, and no other service reads it. */
function serviceSecret(service: MeshedService, shop: ShopPlan): SecretKey[] {
  const { name, postgres, redis, secrets } = service;
  const keys: Record<string, string> = {};
  if (postgres) keys.DATABASE_URL = `postgresql://${name}:{postgres-roles/${name}}@postgres:${POSTGRES_PORT}/${name}`;
  if (shop.natsUsers.includes(service)) keys.NATS_PASSWORD = `{nats-users/${natsPassword(name)}}`;
  for (const use of redis) {
    keys[redisVariable(use)] = `redis://${name}:{redis-${use}/${redisPassword(name)}}@redis-${use}:${REDIS_PORT}`;
  }
  for (const secret of secrets) keys[secret] = "random";
  return Object.entries(keys).map(([key, value]) => ({ secret: name, key, value }));
}

/** One line a key, for a script without YAML: Secret, key, value. */
export function secretTable(shop: ShopPlan): string {
  const lines = secretKeys(shop).map(({ secret, key, value }) => `${secret} ${key} ${value}`);
  return `${lines.join("\n")}\n`;
}
