import { createHash } from "node:crypto";
import { STREAMS_ACCOUNT } from "@row/mesh/generate/store-policy.ts";
import { natsConfiguration, natsUser } from "@row/runtime/events/nats-configuration.ts";
import type { IStatefulSet } from "kubernetes-models/apps/v1";
import type { IJob } from "kubernetes-models/batch/v1";
import type { IConfigMap, IService } from "kubernetes-models/v1";
import { type About, labels, metadata } from "../about.ts";
import { everywhere, values } from "../environment.ts";
import { PULL_POLICY, serviceImage, THIRD_PARTY } from "../images.ts";
import { PATIENT_JOB } from "../migration-job.ts";
import { volumeClaim } from "../outside.ts";
import { CONFINED, confinedPod, fromSecret, GRACE_SECONDS, NODE_USER, SCRATCH } from "../pod.ts";
import type { ShopPlan } from "../shop.ts";
import { OPAQUE, storeService } from "./store.ts";

const ABOUT: About = { name: "nats", component: "store", version: "2.12", source: "k8s/src/infrastructure/nats.ts" };
/** "nats" in the Alpine image. */
const USER = 1000;
export const NATS_ADMIN = "row";
export const NATS_PORT = 4222;
const MONITOR_PORT = 8222;

/** The Secret's key and the server's variable that hold a user's password, "NATS_PASSWORD_CARD_GATEWAY". */
export function passwordVariable(user: string): string {
  return `NATS_PASSWORD_${user.toUpperCase().replaceAll("-", "_")}`;
}

/** The configuration holds no password: the server reads them from its environment, which a Secret fills. */
export function natsServerConfiguration(shop: ShopPlan): string {
  const password = (user: string) => `$${passwordVariable(user)}`;
  return natsConfiguration(
    { listen: everywhere(NATS_PORT), http: everywhere(MONITOR_PORT), store: "/data", maxFileStore: 1024 ** 3 },
    [
      { user: NATS_ADMIN, password: password(NATS_ADMIN) },
      ...shop.natsUsers.map(({ name, consumes }) => natsUser(name, consumes, password(name))),
    ],
  );
}

/** One server with JetStream, and a user for every service that publishes or listens. */
export function nats(shop: ShopPlan): (IService | IConfigMap | IStatefulSet)[] {
  const { name } = ABOUT;
  const configuration = natsServerConfiguration(shop);
  const users = [NATS_ADMIN, ...shop.natsUsers.map((service) => service.name)];
  // Not opaque, unlike the port for clients: the kubelet's probe passes by its path.
  const probe = { httpGet: { path: "/healthz", port: "monitor" }, timeoutSeconds: 2 };
  return [
    storeService(ABOUT, [{ name: "nats", port: NATS_PORT, targetPort: "nats" }]),
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: metadata(name, ABOUT),
      data: { "nats.conf": configuration },
    },
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: metadata(name, ABOUT),
      spec: {
        serviceName: name,
        replicas: 1,
        selector: { matchLabels: { "app.kubernetes.io/name": name } },
        template: {
          metadata: {
            labels: labels(ABOUT),
            // Another user is another configuration, which the server reads at its start.
            annotations: { ...OPAQUE, "canary-row/configuration": digest(configuration) },
          },
          spec: {
            ...confinedPod(name, USER),
            terminationGracePeriodSeconds: GRACE_SECONDS,
            containers: [
              {
                name,
                image: THIRD_PARTY.nats,
                imagePullPolicy: PULL_POLICY,
                command: ["nats-server", "--config", "/etc/nats/nats.conf"],
                env: users.map((user) => fromSecret(passwordVariable(user), "nats-users")),
                ports: [
                  { name: "nats", containerPort: NATS_PORT },
                  { name: "monitor", containerPort: MONITOR_PORT },
                ],
                startupProbe: { ...probe, periodSeconds: 1, failureThreshold: 60 },
                readinessProbe: { ...probe, periodSeconds: 5 },
                livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6 },
                resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "512Mi" } },
                securityContext: CONFINED,
                volumeMounts: [
                  SCRATCH.mount,
                  { name: "configuration", mountPath: "/etc/nats", readOnly: true },
                  { name: "data", mountPath: "/data" },
                ],
              },
            ],
            volumes: [SCRATCH.volume, { name: "configuration", configMap: { name } }],
          },
        },
        volumeClaimTemplates: [volumeClaim("data", "2Gi")],
      },
    },
  ];
}

/**
 * Makes the streams and consumers that follow from the contracts, as the operator; services may not. Every image has the
 * contracts and the runtime, so it runs the first service's that has to do with events.
 */
export function streamsJob(shop: ShopPlan): IJob[] {
  const [first] = shop.natsUsers;
  if (!first) return [];
  const name = STREAMS_ACCOUNT;
  const about: About = { ...ABOUT, name, component: "job" };
  const consumers = shop.natsUsers.flatMap((service) => service.consumes.map((event) => `${service.name}=${event}`));
  return [
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: metadata(name, about),
      spec: {
        ...PATIENT_JOB,
        template: {
          metadata: { labels: labels(about), annotations: OPAQUE },
          spec: {
            ...confinedPod(name, NODE_USER),
            restartPolicy: "OnFailure",
            containers: [
              {
                name: "streams",
                image: serviceImage(first.name),
                imagePullPolicy: PULL_POLICY,
                command: ["node", "/app/runtime/src/events/run-streams.ts"],
                env: [
                  ...values({ NATS_URL: `nats://nats:${NATS_PORT}`, NATS_USER: NATS_ADMIN }),
                  fromSecret("NATS_PASSWORD", "nats-users", passwordVariable(NATS_ADMIN)),
                  ...(consumers.length > 0 ? values({ CONSUMERS: consumers.join(",") }) : []),
                ],
                resources: { requests: { cpu: "50m", memory: "96Mi" }, limits: { memory: "256Mi" } },
                securityContext: CONFINED,
                terminationMessagePolicy: "FallbackToLogsOnError",
                volumeMounts: [SCRATCH.mount],
              },
            ],
            volumes: [SCRATCH.volume],
          },
        },
      },
    },
  ];
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
