import { REDIS_ADMIN, REDIS_POLICIES, redisRights } from "@row/topology/redis.ts";
import type { RedisUse } from "@row/topology/service-manifest.ts";
import type { IStatefulSet } from "kubernetes-models/apps/v1";
import type { IConfigMap, IService } from "kubernetes-models/v1";
import { type About, labels, metadata } from "../about.ts";
import { PULL_POLICY, THIRD_PARTY } from "../images.ts";
import { volumeClaim } from "../outside.ts";
import { CONFINED, confinedPod, fromSecret, GRACE_SECONDS } from "../pod.ts";
import type { ShopPlan } from "../shop.ts";
import { OPAQUE, storeService } from "./store.ts";

/** "redis" in the Alpine image. */
const USER = 999;
const GROUP = 1000;
export const REDIS_PORT = 6379;

/** The variable that holds a user's password: no other name may be an ACL user's. */
export function passwordVariable(user: string): string {
  return `PASSWORD_OF_${user.toUpperCase().replaceAll("-", "_")}`;
}

/** One of the two servers, with an ACL user for every service that keeps something there. */
export function redis(use: RedisUse, shop: ShopPlan): (IService | IConfigMap | IStatefulSet)[] {
  const name = `redis-${use}`;
  const about: About = { name, component: "store", version: "8", source: "k8s/src/infrastructure/redis.ts" };
  const users = [REDIS_ADMIN, ...shop.redisUsers(use).map((service) => service.name)];
  const probe = {
    exec: { command: ["redis-cli", "--no-auth-warning", "--user", "health", "--pass", "health", "ping"] },
    timeoutSeconds: 3,
  };
  return [
    storeService(about, [{ name: "redis", port: REDIS_PORT, targetPort: "redis" }]),
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: metadata(name, about),
      data: { "redis.conf": configuration(use), "start.sh": startScript(users) },
    },
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: metadata(name, about),
      spec: {
        serviceName: name,
        replicas: 1,
        selector: { matchLabels: { "app.kubernetes.io/name": name } },
        template: {
          metadata: {
            labels: labels(about),
            // Another user is another start.
            annotations: { ...OPAQUE, "canary-row/users": users.join(",") },
          },
          spec: {
            ...confinedPod(name, USER, GROUP),
            terminationGracePeriodSeconds: GRACE_SECONDS,
            containers: [
              {
                name,
                image: THIRD_PARTY.redis,
                imagePullPolicy: PULL_POLICY,
                command: ["sh", "/etc/redis/start.sh"],
                env: users.map((user) => fromSecret(passwordVariable(user), name)),
                ports: [{ name: "redis", containerPort: REDIS_PORT }],
                startupProbe: { ...probe, periodSeconds: 1, failureThreshold: 60 },
                readinessProbe: { ...probe, periodSeconds: 5 },
                livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6 },
                resources: { requests: { cpu: "20m", memory: "32Mi" }, limits: { memory: "192Mi" } },
                securityContext: CONFINED,
                volumeMounts: [
                  { name: "configuration", mountPath: "/etc/redis", readOnly: true },
                  { name: "users", mountPath: "/run/redis" },
                  { name: "data", mountPath: "/data" },
                ],
              },
            ],
            volumes: [
              { name: "configuration", configMap: { name } },
              // In memory: it holds passwords.
              { name: "users", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
              ...(use === "cache" ? [{ name: "data", emptyDir: { sizeLimit: "128Mi" } }] : []),
            ],
          },
        },
        ...(use === "durable" ? { volumeClaimTemplates: [volumeClaim("data", "1Gi")] } : {}),
      },
    },
  ];
}

function configuration(use: RedisUse): string {
  const lines = ["bind * -::*", `port ${REDIS_PORT}`, "dir /data", 'save ""', "aclfile /run/redis/users.acl"];
  return `${[...lines, ...REDIS_POLICIES[use]].join("\n")}\n`;
}

/** Redis takes no passwords from its environment: they are written where only it can read. */
function startScript(users: readonly string[]): string {
  const lines = users.map((user) => {
    return `printf 'user %s on #%s ~* &* ${redisRights(user)}\\n' ${user} "$(hash "$${passwordVariable(user)}")"`;
  });
  return `set -eu
umask 077
hash() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }
{
  echo 'user default off'
  # For probes: it may say that it is there, and nothing else.
  echo 'user health on nopass resetkeys resetchannels -@all +ping'
${lines.map((line) => `  ${line}`).join("\n")}
} > /run/redis/users.acl
exec redis-server /etc/redis/redis.conf
`;
}
