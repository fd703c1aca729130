import { existsSync } from "node:fs";
import { join } from "node:path";
import { migrationAccount } from "@row/mesh/generate/store-policy.ts";
import { FIRST_VERSION } from "@row/runtime/names.ts";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import type { IJob } from "kubernetes-models/batch/v1";
import type { IContainer } from "kubernetes-models/v1";
import { type About, labels, metadata } from "./about.ts";
import { seedEnvironment } from "./environment.ts";
import { PULL_POLICY, serviceImage } from "./images.ts";
import { CONFINED, confinedPod, fromSecret, NODE_USER, SCRATCH } from "./pod.ts";
import type { ShopPlan } from "./shop.ts";

const RESOURCES = { requests: { cpu: "50m", memory: "96Mi" }, limits: { memory: "256Mi" } };

/**
 * Brings one service's database to what the service's own image expects, and fills it with what the demo needs. It runs the
 * service's image, so that code and schema are always of one build; it may run again at any time, and does nothing then.
 *
 * Its pods are no instances of the service, which their name says: the Service would send them calls.
 */
export function migrationJob(service: ServiceManifest, shop: ShopPlan): IJob {
  const name = migrationAccount(service.name);
  const about: About = { ...shop.about(service, FIRST_VERSION), name, component: "job" };
  const migrate: IContainer = {
    ...inImage(service, "migrate", ["node", "/app/runtime/src/database/run-migrations.ts"]),
    env: [fromSecret("DATABASE_URL", service.name)],
  };
  const seed: IContainer = {
    ...inImage(service, "seed", ["node", "prisma/seed.ts"]),
    env: seedEnvironment(service, shop),
  };
  const steps = existsSync(join(service.folder, "prisma/seed.ts"))
    ? { initContainers: [migrate], containers: [seed] }
    : { containers: [migrate] };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: metadata(name, about),
    spec: {
      ...PATIENT_JOB,
      template: {
        metadata: { labels: labels(about) },
        spec: { ...confinedPod(name, NODE_USER), restartPolicy: "OnFailure", ...steps, volumes: [SCRATCH.volume] },
      },
    },
  };
}

/** What a Job waits for may take its time to come up, and pulling its image too: it tries on for some twenty minutes. */
export const PATIENT_JOB = { backoffLimit: 12, completions: 1, parallelism: 1, ttlSecondsAfterFinished: 86_400 };

/**
 * Holds an instance back until the database has every migration that its image has. So the order is the same whoever applies
 * the manifests, a version of one's own waits for its own migrations, and none of it needs a right to ask Kubernetes.
 */
export function waitForMigrations(service: ServiceManifest): IContainer {
  return {
    ...inImage(service, "wait-for-migrations", ["node", "/app/runtime/src/database/wait-for-migrations.ts"]),
    env: [fromSecret("DATABASE_URL", service.name)],
  };
}

function inImage(service: ServiceManifest, name: string, command: string[]): IContainer {
  return {
    name,
    image: serviceImage(service.name),
    imagePullPolicy: PULL_POLICY,
    command,
    // The image keeps the service here, wherever the repository does.
    workingDir: "/app/service",
    resources: RESOURCES,
    securityContext: CONFINED,
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [SCRATCH.mount],
  };
}
