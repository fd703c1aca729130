import { DATABASES_ACCOUNT, migrationAccount, STREAMS_ACCOUNT } from "@row/mesh/generate/store-policy.ts";
import { TOOLBOX } from "@row/runtime/names.ts";
import type { ShopPlan } from "./shop.ts";

/** One workload that opens connections to another, each by its name. */
export interface Connection {
  readonly from: string;
  readonly to: string;
}

export const MAILPIT = "mailpit";

/** Every connection that the shop makes inside its namespace: what service.yaml says, and what follows from it. */
export function connections(shop: ShopPlan): Connection[] {
  const to = (target: string, names: readonly string[]) => names.map((from) => ({ from, to: target }));
  const namesOf = (services: readonly { name: string }[]) => services.map(({ name }) => name);
  const owners = namesOf(shop.databases);
  return [
    ...shop.meshed.flatMap((service) =>
      shop.callees(service).map((callee) => ({ from: service.name, to: callee.name })),
    ),
    ...shop.meshed.map(({ name }) => ({ from: TOOLBOX, to: name })),
    ...to("postgres", [...owners, ...owners.map(migrationAccount), DATABASES_ACCOUNT]),
    ...to("nats", [...namesOf(shop.natsUsers), STREAMS_ACCOUNT]),
    ...to("redis-durable", namesOf(shop.redisUsers("durable"))),
    ...to("redis-cache", namesOf(shop.redisUsers("cache"))),
    ...to(MAILPIT, namesOf(shop.meshed.filter(({ calls }) => calls.includes(MAILPIT)))),
  ];
}
