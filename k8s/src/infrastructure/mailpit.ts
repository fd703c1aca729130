import { allowAccounts } from "@row/mesh/generate/authorizations.ts";
import { account, server } from "@row/mesh/generate/servers.ts";
import type { IDeployment } from "kubernetes-models/apps/v1";
import type { IService } from "kubernetes-models/v1";
import { type About, labels, metadata } from "../about.ts";
import { connections, MAILPIT } from "../connections.ts";
import { values } from "../environment.ts";
import { PULL_POLICY, THIRD_PARTY } from "../images.ts";
import { CONFINED, confinedPod, SCRATCH } from "../pod.ts";
import type { ShopPlan } from "../shop.ts";
import { OPAQUE, storeService } from "./store.ts";

const ABOUT: About = { name: MAILPIT, component: "tool", version: "1.31", source: "k8s/src/infrastructure/mailpit.ts" };
const USER = 1000;
const SMTP_PORT = 1025;
const HTTP_PORT = 8025;

/** Takes every mail of the shop and shows it: whose service.yaml calls it may send, and a port-forward looks in. */
export function mailpit(shop: ShopPlan): (IService | IDeployment | object)[] {
  const senders = connections(shop)
    .filter(({ to }) => to === MAILPIT)
    .map(({ from }) => from);
  const smtp = `${MAILPIT}-smtp`;
  const probe = (path: string) => ({ httpGet: { path, port: "http" }, timeoutSeconds: 2 });
  return [
    account(MAILPIT),
    server(smtp, MAILPIT, "smtp", "opaque"),
    ...(senders.length > 0
      ? allowAccounts(`${MAILPIT}-senders`, MAILPIT, { kind: "Server", name: smtp }, senders)
      : []),
    server(`${MAILPIT}-http`, MAILPIT, "http", "HTTP/1"),
    storeService(ABOUT, [
      { name: "smtp", port: SMTP_PORT, targetPort: "smtp" },
      { name: "http", port: HTTP_PORT, targetPort: "http", appProtocol: "http" },
    ]),
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: metadata(MAILPIT, ABOUT),
      spec: {
        replicas: 1,
        strategy: { type: "Recreate" },
        selector: { matchLabels: { "app.kubernetes.io/name": MAILPIT } },
        template: {
          metadata: { labels: labels(ABOUT), annotations: OPAQUE },
          spec: {
            ...confinedPod(MAILPIT, USER),
            containers: [
              {
                name: MAILPIT,
                image: THIRD_PARTY.mailpit,
                imagePullPolicy: PULL_POLICY,
                env: values({ MP_MAX_MESSAGES: "500", MP_DISABLE_VERSION_CHECK: "true" }),
                ports: [
                  { name: "smtp", containerPort: SMTP_PORT },
                  { name: "http", containerPort: HTTP_PORT },
                ],
                readinessProbe: { ...probe("/readyz"), periodSeconds: 5 },
                livenessProbe: { ...probe("/livez"), periodSeconds: 10 },
                resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
                securityContext: CONFINED,
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
