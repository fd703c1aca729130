import type { IDaemonSet, IDeployment } from "kubernetes-models/apps/v1";
import type { IConfigMap, IContainer, IPodTemplateSpec, IService, IServiceAccount } from "kubernetes-models/v1";
import { labels } from "../about.ts";
import { values } from "../environment.ts";
import { PULL_POLICY } from "../images.ts";
import { CONFINED, confinedPod, SCRATCH } from "../pod.ts";
import { metadata } from "./namespace.ts";
import { aboutPart, digest, type Part } from "./part.ts";

/** What runs a part, and the Service by which others find it. Who may call it: part-policies.ts. */
export function partObjects(part: Part): (IServiceAccount | IConfigMap | IService | IDeployment | IDaemonSet)[] {
  const { name, files } = part;
  const about = aboutPart(part);
  const selector = { "app.kubernetes.io/name": name };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata(name, about) },
    { apiVersion: "v1", kind: "ConfigMap", metadata: metadata(name, about), data: { ...files } },
    ...(part.kind === "Deployment" ? [service(part)] : []),
    part.kind === "Deployment"
      ? {
          apiVersion: "apps/v1",
          kind: part.kind,
          metadata: metadata(name, about),
          // One at a time: two of them would each see half.
          spec: {
            replicas: 1,
            strategy: { type: "Recreate" },
            selector: { matchLabels: selector },
            template: pod(part),
          },
        }
      : {
          apiVersion: "apps/v1",
          kind: part.kind,
          metadata: metadata(name, about),
          spec: { selector: { matchLabels: selector }, template: pod(part) },
        },
  ];
}

function service(part: Part): IService {
  const ports = part.ports.map(({ name, port, protocol }) => ({
    name,
    port,
    targetPort: name,
    // Any other appProtocol, "grpc" included, makes the port opaque to Linkerd.
    appProtocol: protocol === "gRPC" ? "kubernetes.io/h2c" : "http",
  }));
  const selector = { "app.kubernetes.io/name": part.name };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(part.name, aboutPart(part)),
    spec: { selector, ports },
  };
}

function pod(part: Part): IPodTemplateSpec {
  const { name, user, group, files, filesAt, data, mounts = [] } = part;
  return {
    metadata: {
      labels: labels(aboutPart(part)),
      annotations: { "kubectl.kubernetes.io/default-container": name, "canary-row/configuration": digest(files) },
    },
    spec: {
      ...confinedPod(name, user, group),
      terminationGracePeriodSeconds: 30,
      containers: [container(part)],
      volumes: [
        SCRATCH.volume,
        ...(filesAt === undefined ? [] : [{ name: "configuration", configMap: { name } }]),
        { name: "data", emptyDir: { sizeLimit: data.sizeLimit } },
        ...mounts.map(({ volume }) => volume),
      ],
      ...part.pod,
    },
  };
}

function container({ name, image, args, env, ports, health, filesAt, data, resources, mounts = [] }: Part): IContainer {
  const probe = (path: string) => ({ httpGet: { path, port: health.port }, timeoutSeconds: 3 });
  const isOwnPort = !ports.some((port) => port.name === health.port);
  return {
    name,
    image,
    imagePullPolicy: PULL_POLICY,
    ...(args ? { args: [...args] } : {}),
    ...(env ? { env: values(env) } : {}),
    ports: [
      ...ports.map((port) => ({ name: port.name, containerPort: port.port })),
      ...(isOwnPort ? [{ name: health.port, containerPort: health.containerPort }] : []),
    ],
    startupProbe: { ...probe(health.live), periodSeconds: 2, failureThreshold: 90 },
    readinessProbe: { ...probe(health.ready), periodSeconds: 5, failureThreshold: 3 },
    livenessProbe: { ...probe(health.live), periodSeconds: 10, failureThreshold: 6 },
    resources: {
      requests: { cpu: resources.cpu, memory: resources.memory },
      limits: { memory: resources.memoryLimit },
    },
    securityContext: CONFINED,
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      SCRATCH.mount,
      ...(filesAt === undefined ? [] : [{ name: "configuration", mountPath: filesAt, readOnly: true }]),
      { name: "data", mountPath: data.path },
      ...mounts.map(({ volume: _, ...mount }) => mount),
    ],
  };
}
