import { versionName } from "@row/mesh/generate/services.ts";
import { FIRST_VERSION, GRPC_PORT } from "@row/runtime/names.ts";
import { isCallable, type MeshedService, portsOf } from "@row/topology/service-manifest.ts";
import type { IDeployment } from "kubernetes-models/apps/v1";
import type { IHorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import type { IPodDisruptionBudget } from "kubernetes-models/policy/v1";
import type { IContainer, IContainerPort, IService } from "kubernetes-models/v1";
import { type About, labels, metadata, selector } from "./about.ts";
import { BEHAVIOUR_MOUNT, BEHAVIOUR_VARIABLE, behaviourVolume } from "./behaviours.ts";
import { ADMIN_PORT, containerEnvironment } from "./environment.ts";
import { PULL_POLICY, serviceImage } from "./images.ts";
import { waitForMigrations } from "./migration-job.ts";
import { CONFINED, confinedPod, GRACE_SECONDS, NODE_USER, SCRATCH, STOP_LATER, spread } from "./pod.ts";
import type { ShopPlan } from "./shop.ts";

/** A first version of a service, and how many of it there are. Its Services are among the mesh's files, for routes need them. */
export function serviceWorkload(
  service: MeshedService,
  shop: ShopPlan,
): (IDeployment | IPodDisruptionBudget | IHorizontalPodAutoscaler)[] {
  const name = versionName(service.name);
  const about = shop.about(service, FIRST_VERSION);
  return [
    deployment(name, about, service, shop),
    disruptionBudget(name, about),
    autoscaler(name, about, service, shop),
  ];
}

// How many there are is the autoscaler's: with a number here, each `kubectl apply` would undo what it decided.
function deployment(name: string, about: About, service: MeshedService, shop: ShopPlan): IDeployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(name, about),
    spec: {
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: 600,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: selector(about) },
      template: {
        metadata: {
          labels: labels(about),
          annotations: { "kubectl.kubernetes.io/default-container": service.name, ...pastTheSidecar(service) },
        },
        spec: {
          ...confinedPod(service.name, NODE_USER),
          terminationGracePeriodSeconds: GRACE_SECONDS,
          topologySpreadConstraints: spread(about),
          ...(service.postgres ? { initContainers: [waitForMigrations(service)] } : {}),
          containers: [container(service, shop)],
          volumes: [SCRATCH.volume, ...(isCallable(service) ? [behaviourVolume(service)] : [])],
        },
      },
    },
  };
}

/**
 * Who comes from outside the mesh has no identity, and a connection through the sidecar would be the sidecar's: it outlives the app, and
 * what the app says of its end (Connection: close, GOAWAY) does not reach the client, who sends on and is refused.
 */
function pastTheSidecar(service: MeshedService): Record<string, string> {
  if (isCallable(service)) return {};
  const { http, grpc } = portsOf(service);
  return { "config.linkerd.io/skip-inbound-ports": [http, grpc].filter((port) => port !== undefined).join(",") };
}

function container(service: MeshedService, shop: ShopPlan): IContainer {
  return {
    name: service.name,
    image: serviceImage(service.name),
    imagePullPolicy: PULL_POLICY,
    env: [...containerEnvironment(service, shop), ...(isCallable(service) ? [BEHAVIOUR_VARIABLE] : [])],
    ports: ports(service),
    // Only httpGet probes pass a mesh that denies by default, and only on a port that is not gRPC.
    startupProbe: { ...probe("/livez"), periodSeconds: 1, failureThreshold: 120 },
    readinessProbe: { ...probe("/readyz"), periodSeconds: 2, failureThreshold: 2 },
    livenessProbe: { ...probe("/livez"), periodSeconds: 10, failureThreshold: 3 },
    lifecycle: STOP_LATER,
    resources: shop.values(service).resources,
    securityContext: CONFINED,
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [SCRATCH.mount, ...(isCallable(service) ? [BEHAVIOUR_MOUNT] : [])],
  };
}

function probe(path: string): NonNullable<IContainer["readinessProbe"]> {
  return { httpGet: { path, port: "admin" }, timeoutSeconds: 2 };
}

function ports(service: MeshedService): IContainerPort[] {
  const { http, grpc } = portsOf(service);
  const declared = isCallable(service) ? { grpc: GRPC_PORT } : { http, grpc };
  return Object.entries({ ...declared, admin: ADMIN_PORT }).flatMap(([name, containerPort]) =>
    containerPort === undefined ? [] : [{ name, containerPort }],
  );
}

// One at a time: with minAvailable a single instance would keep its node from ever being drained.
function disruptionBudget(name: string, about: About): IPodDisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadata(name, about),
    spec: { maxUnavailable: 1, selector: { matchLabels: selector(about) }, unhealthyPodEvictionPolicy: "AlwaysAllow" },
  };
}

const BUSY_PERCENT = 80;
const MOST_TIMES = 4;

// The service's own container is measured: what its sidecar does would blur it.
function autoscaler(name: string, about: About, service: MeshedService, shop: ShopPlan): IHorizontalPodAutoscaler {
  const { replicas } = shop.values(service);
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: metadata(name, about),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      minReplicas: replicas,
      maxReplicas: replicas * MOST_TIMES,
      metrics: [
        {
          type: "ContainerResource",
          containerResource: {
            container: service.name,
            name: "cpu",
            target: { type: "Utilization", averageUtilization: BUSY_PERCENT },
          },
        },
      ],
    },
  };
}

/** A public port is on every node by this much above the declared one: 8080 is 30080. */
const NODE_PORT_OFFSET = 22_000;
const PROTOCOLS = { http: "http", grpc: "kubernetes.io/h2c" };

/** The way in: a port of the node is there on every kind of cluster, and nothing on the laptop's own 8080 is in its way. */
export function publicService(service: MeshedService, shop: ShopPlan): IService {
  const { name } = service;
  const declared = portsOf(service);
  const about = shop.about(service, FIRST_VERSION);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(`${name}-public`, about),
    spec: {
      type: "NodePort",
      selector: { "app.kubernetes.io/name": name },
      ports: (["http", "grpc"] as const).flatMap((name) => {
        const port = declared[name];
        const nodePort = (port ?? 0) + NODE_PORT_OFFSET;
        return port === undefined ? [] : [{ name, port, targetPort: name, nodePort, appProtocol: PROTOCOLS[name] }];
      }),
    },
  };
}
