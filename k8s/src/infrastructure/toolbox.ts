import { TOOLBOX } from "@row/runtime/names.ts";
import type { IDeployment } from "kubernetes-models/apps/v1";
import { type About, labels, metadata } from "../about.ts";
import { values } from "../environment.ts";
import { PULL_POLICY, THIRD_PARTY } from "../images.ts";
import { CONFINED, confinedPod, SCRATCH } from "../pod.ts";

const ABOUT: About = { name: TOOLBOX, component: "tool", source: "k8s/src/infrastructure/toolbox.ts" };
/** "nobody" */
const USER = 65_534;

/**
 * A shell with grpcurl and a sidecar: splits and policies act in the caller's sidecar, so what comes through a port-forward
 * never sees them. `kubectl -n shop exec deploy/toolbox -c toolbox -- grpcurl -plaintext catalog:50051 list`
 */
export function toolbox(): IDeployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(TOOLBOX, ABOUT),
    spec: {
      replicas: 1,
      selector: { matchLabels: { "app.kubernetes.io/name": TOOLBOX } },
      template: {
        metadata: { labels: labels(ABOUT), annotations: { "kubectl.kubernetes.io/default-container": TOOLBOX } },
        spec: {
          ...confinedPod(TOOLBOX, USER),
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: TOOLBOX,
              image: THIRD_PARTY.grpcurl,
              imagePullPolicy: PULL_POLICY,
              // The first process of a container hears no signal that it does not ask for.
              command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"],
              workingDir: "/tmp",
              env: values({ HOME: "/tmp" }),
              resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "128Mi" } },
              securityContext: CONFINED,
              volumeMounts: [SCRATCH.mount],
            },
          ],
          volumes: [SCRATCH.volume],
        },
      },
    },
  };
}
