import { TOOLBOX } from "@row/runtime/names.ts";
import { isCallable } from "@row/topology/service-manifest.ts";
import { connections, MAILPIT } from "./connections.ts";
import { mailpit } from "./infrastructure/mailpit.ts";
import { nats, streamsJob } from "./infrastructure/nats.ts";
import { databasesJob, postgres } from "./infrastructure/postgres.ts";
import { redis } from "./infrastructure/redis.ts";
import { toolbox } from "./infrastructure/toolbox.ts";
import { migrationJob } from "./migration-job.ts";
import { limitRange, namespace, quota } from "./namespace.ts";
import { everyPod, networkPolicy } from "./network-policies.ts";
import { outsideWorkload } from "./outside.ts";
import type { ShopPlan } from "./shop.ts";
import { publicService, serviceWorkload } from "./workload.ts";

/** The core profile's objects by the file that they are written to. The namespace's sorts first, as kubectl reads them. */
export function coreFiles(shop: ShopPlan): Map<string, object[]> {
  const files = new Map<string, object[]>([["00-namespace", [namespace(), quota(), limitRange(), everyPod()]]]);
  for (const service of shop.meshed) {
    files.set(service.name, [
      ...serviceWorkload(service, shop),
      ...(isCallable(service) ? [] : [publicService(service, shop)]),
    ]);
    if (service.postgres) files.set(`${service.name}-migrate`, [migrationJob(service, shop)]);
  }
  for (const service of shop.outside) files.set(service.name, outsideWorkload(service, shop));
  files.set("postgres", postgres());
  files.set("postgres-databases", databasesJob(shop));
  files.set("nats", nats(shop));
  files.set("nats-streams", streamsJob(shop));
  for (const use of ["durable", "cache"] as const) files.set(`redis-${use}`, redis(use, shop));
  files.set(MAILPIT, mailpit(shop));
  files.set(TOOLBOX, [toolbox()]);
  const edges = connections(shop);
  const isPublic = (name: string) => shop.meshed.some((service) => service.name === name && !isCallable(service));
  for (const [name, objects] of files) {
    if (name === "00-namespace" || objects.length === 0) continue;
    objects.push(networkPolicy(name, edges, isPublic(name)));
  }
  return files;
}
