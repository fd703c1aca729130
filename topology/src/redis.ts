/** The two servers of Redis, as both platforms run them: what they keep, and what a service's user may do there. */
import type { RedisUse, ServiceManifest } from "./service-manifest.ts";

/** The operator's user. */
export const REDIS_ADMIN = "row";

/** What may never be lost, and what may be forgotten at any time. */
export const REDIS_POLICIES: Readonly<Record<RedisUse, readonly string[]>> = {
  durable: ["appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction"],
  cache: ["appendonly no", "maxmemory 64mb", "maxmemory-policy allkeys-lru"],
};

const USES: readonly RedisUse[] = ["durable", "cache"];

/** The servers that some of these services keep something in. */
export function redisUses(services: readonly Pick<ServiceManifest, "redis">[]): readonly RedisUse[] {
  return USES.filter((use) => services.some(({ redis }) => redis.includes(use)));
}

/** The rights of a user in Redis: a service reads and writes all keys, and administers nothing. */
export function redisRights(user: string): string {
  return user === REDIS_ADMIN ? "+@all" : "+@all -@admin -@dangerous";
}

/** "REDIS_DURABLE_URL" */
export function redisVariable(use: RedisUse): string {
  return `REDIS_${use.toUpperCase()}_URL`;
}
