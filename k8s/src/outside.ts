import { FIRST_VERSION } from "@row/runtime/names.ts";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import type { IStatefulSet } from "kubernetes-models/apps/v1";
import type { IPersistentVolumeClaim, IService } from "kubernetes-models/v1";
import { labels, metadata } from "./about.ts";
import { everywhere, values } from "./environment.ts";
import { PULL_POLICY, serviceImage } from "./images.ts";
import { CONFINED, confinedPod, GRACE_SECONDS, NODE_USER, SCRATCH } from "./pod.ts";
import type { ShopPlan } from "./shop.ts";

/**
 * What stands for the outside world: a process without a sidecar, whose log outlives it. It shares the shop's namespace, for
 * that is where its account and the mesh's Server for it are; as nothing in the pod obeys them, its NetworkPolicy has to.
 */
export function outsideWorkload(service: ServiceManifest, shop: ShopPlan): (IStatefulSet | IService)[] {
  const { name, port } = service;
  // One log, one writer: there is no second version of it.
  const about = { ...shop.about(service, FIRST_VERSION), version: undefined };
  const probe = (path: string) => ({ httpGet: { path, port: "http" }, timeoutSeconds: 2 });
  const selector = { "app.kubernetes.io/name": name };
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: metadata(name, about),
      spec: { selector, ports: [{ name: "http", port, targetPort: "http", appProtocol: "http" }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: metadata(name, about),
      spec: {
        serviceName: name,
        replicas: 1,
        // As Tilt makes it of one whose image it builds, and cannot be changed.
        podManagementPolicy: "Parallel",
        selector: { matchLabels: selector },
        template: {
          metadata: { labels: labels(about), annotations: { "linkerd.io/inject": "disabled" } },
          spec: {
            ...confinedPod(name, NODE_USER),
            terminationGracePeriodSeconds: GRACE_SECONDS,
            containers: [
              {
                name,
                image: serviceImage(name),
                imagePullPolicy: PULL_POLICY,
                env: values({ LISTEN_ADDRESS: everywhere(port), DATA_DIR: "/data", ...service.env }),
                ports: [{ name: "http", containerPort: port }],
                startupProbe: { ...probe("/livez"), periodSeconds: 1, failureThreshold: 120 },
                readinessProbe: { ...probe("/readyz"), periodSeconds: 2, failureThreshold: 2 },
                livenessProbe: { ...probe("/livez"), periodSeconds: 10, failureThreshold: 3 },
                resources: shop.values(service).resources,
                securityContext: CONFINED,
                terminationMessagePolicy: "FallbackToLogsOnError",
                volumeMounts: [SCRATCH.mount, { name: "data", mountPath: "/data" }],
              },
            ],
            volumes: [SCRATCH.volume],
          },
        },
        volumeClaimTemplates: [volumeClaim("data", "256Mi")],
      },
    },
  ];
}

/** A disk of its own that outlives the pod. */
export function volumeClaim(name: string, storage: string): Omit<IPersistentVolumeClaim, "apiVersion" | "kind"> {
  return {
    metadata: { name },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
  };
}
