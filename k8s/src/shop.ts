import { relative } from "node:path";
import { calleesOf } from "@row/topology/callees.ts";
import {
  isMeshed,
  type MeshedService,
  type OutsideService,
  type RedisUse,
  type ServiceManifest,
} from "@row/topology/service-manifest.ts";
import type { About } from "./about.ts";
import { type DeploymentValues, deploymentValues } from "./deployment-values.ts";

/** What the manifests follow from. */
export interface ShopSources {
  /** The repository's root. */
  readonly root: string;
  readonly services: readonly ServiceManifest[];
  /** Whether the contracts hold events of this service. */
  readonly publishes: (service: string) => boolean;
}

/** The shop as its manifests need to know it. */
export class ShopPlan {
  readonly #sources: ShopSources;

  constructor(sources: ShopSources) {
    this.#sources = sources;
  }

  get root(): string {
    return this.#sources.root;
  }

  get services(): readonly ServiceManifest[] {
    return this.#sources.services;
  }

  /** Every service with a sidecar, the edge included. */
  get meshed(): readonly MeshedService[] {
    return this.#sources.services.filter(isMeshed);
  }

  get outside(): readonly OutsideService[] {
    return this.#sources.services.filter((service) => service.kind === "outside");
  }

  /** Those with a database of their own. */
  get databases(): readonly MeshedService[] {
    return this.meshed.filter(({ postgres }) => postgres);
  }

  /** Those with a NATS user of their own. */
  get natsUsers(): readonly MeshedService[] {
    return this.meshed.filter(({ name, consumes }) => consumes.length > 0 || this.#sources.publishes(name));
  }

  redisUsers(use: RedisUse): readonly MeshedService[] {
    return this.meshed.filter(({ redis }) => redis.includes(use));
  }

  callees(service: ServiceManifest): readonly ServiceManifest[] {
    return service.kind === "outside" ? [] : calleesOf(service, this.#sources.services);
  }

  values(service: ServiceManifest): DeploymentValues {
    return deploymentValues(service);
  }

  about(service: ServiceManifest, version: string): About {
    const { name, kind, folder } = service;
    const component = kind === "outside" ? "outside" : "service";
    return { name, component, version, owner: this.values(service).owner, source: relative(this.root, folder) };
  }
}
