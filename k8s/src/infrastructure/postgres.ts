import { DATABASES_ACCOUNT } from "@row/mesh/generate/store-policy.ts";
import type { IStatefulSet } from "kubernetes-models/apps/v1";
import type { IJob } from "kubernetes-models/batch/v1";
import type { IConfigMap, IService } from "kubernetes-models/v1";
import { type About, labels, metadata } from "../about.ts";
import { values } from "../environment.ts";
import { PULL_POLICY, THIRD_PARTY } from "../images.ts";
import { PATIENT_JOB } from "../migration-job.ts";
import { volumeClaim } from "../outside.ts";
import { CONFINED, confinedPod, fromSecret, SCRATCH } from "../pod.ts";
import type { ShopPlan } from "../shop.ts";
import { OPAQUE, storeService } from "./store.ts";

const ABOUT: About = {
  name: "postgres",
  component: "store",
  version: "18",
  source: "k8s/src/infrastructure/postgres.ts",
};
/** "postgres" in Debian's image. */
const USER = 999;
export const POSTGRES_ADMIN = "row";
export const POSTGRES_PORT = 5432;

const SETTINGS = [
  "max_connections=200",
  // Outboxes and sagas change quickly: what is dead must not pile up between two vacuums.
  "autovacuum_naptime=10s",
  "random_page_cost=1.1",
  "password_encryption=scram-sha-256",
  "log_timezone=UTC",
  "timezone=UTC",
];

/** One server for all; each service has a database and a role of its own there. */
export function postgres(): (IService | IStatefulSet)[] {
  const { name } = ABOUT;
  // Over TCP: while the image sets the cluster up, its server answers on the socket alone.
  const probe = { exec: { command: ["pg_isready", "-q", "-h", "127.0.0.1", "-U", POSTGRES_ADMIN] }, timeoutSeconds: 3 };
  return [
    storeService(ABOUT, [{ name: "postgres", port: POSTGRES_PORT, targetPort: "postgres" }]),
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: metadata(name, ABOUT),
      spec: {
        serviceName: name,
        replicas: 1,
        selector: { matchLabels: { "app.kubernetes.io/name": name } },
        template: {
          metadata: { labels: labels(ABOUT), annotations: OPAQUE },
          spec: {
            ...confinedPod(name, USER),
            terminationGracePeriodSeconds: 60,
            containers: [
              {
                name,
                image: THIRD_PARTY.postgres,
                imagePullPolicy: PULL_POLICY,
                args: ["postgres", ...SETTINGS.flatMap((setting) => ["-c", setting])],
                env: [
                  ...values({
                    POSTGRES_USER: POSTGRES_ADMIN,
                    // Otherwise the image makes a database of the user's name, which nobody uses.
                    POSTGRES_DB: "postgres",
                    POSTGRES_INITDB_ARGS: "--encoding=UTF8 --locale=C --auth-host=scram-sha-256",
                  }),
                  fromSecret("POSTGRES_PASSWORD", "postgres"),
                ],
                ports: [{ name: "postgres", containerPort: POSTGRES_PORT }],
                startupProbe: { ...probe, periodSeconds: 2, failureThreshold: 60 },
                readinessProbe: { ...probe, periodSeconds: 5 },
                livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6 },
                resources: { requests: { cpu: "200m", memory: "256Mi" }, limits: { memory: "1Gi" } },
                securityContext: CONFINED,
                volumeMounts: [
                  SCRATCH.mount,
                  { name: "run", mountPath: "/var/run/postgresql" },
                  // Since 18 the image keeps a folder for each major version below this one.
                  { name: "data", mountPath: "/var/lib/postgresql" },
                ],
              },
            ],
            volumes: [SCRATCH.volume, { name: "run", emptyDir: { sizeLimit: "16Mi" } }],
          },
        },
        volumeClaimTemplates: [volumeClaim("data", "4Gi")],
      },
    },
  ];
}

const SCRIPT = `set -eu
# Makes a role and a database of the same name for every file of /roles, whose content is the role's password, and keeps
# everybody else out of it. May run again: what is there stays, and gets the password that the Secret has now.
until pg_isready --quiet; do sleep 1; done
for file in /roles/*; do
  role=$(basename "$file")
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set role="$role" --dbname postgres <<'SQL'
\\set file '/roles/' :role
\\set password \`cat :file\`
select format('create role %I login', :'role') where not exists (select from pg_roles where rolname = :'role') \\gexec
select format('alter role %I login password %L', :'role', :'password') \\gexec
select format('create database %I owner %I', :'role', :'role') where not exists (select from pg_database where datname = :'role') \\gexec
select format('revoke all on database %I from public', :'role') \\gexec
SQL
  echo "$role has its database"
done
`;

/** Makes every service's database and role; runs again whenever there is another service. */
export function databasesJob(shop: ShopPlan): (IConfigMap | IJob)[] {
  const name = DATABASES_ACCOUNT;
  const about: About = { ...ABOUT, name, component: "job" };
  const roles = shop.databases.map((service) => service.name).join(",");
  return [
    { apiVersion: "v1", kind: "ConfigMap", metadata: metadata(name, about), data: { "databases.sh": SCRIPT } },
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: metadata(name, about),
      spec: {
        ...PATIENT_JOB,
        template: {
          metadata: { labels: labels(about), annotations: { ...OPAQUE, "canary-row/databases": roles } },
          spec: {
            ...confinedPod(name, USER),
            restartPolicy: "OnFailure",
            containers: [
              {
                name: "databases",
                image: THIRD_PARTY.postgres,
                imagePullPolicy: PULL_POLICY,
                command: ["bash", "/scripts/databases.sh"],
                env: [
                  ...values({ PGHOST: "postgres", PGUSER: POSTGRES_ADMIN, PGCONNECT_TIMEOUT: "5" }),
                  fromSecret("PGPASSWORD", "postgres", "POSTGRES_PASSWORD"),
                ],
                resources: { requests: { cpu: "20m", memory: "32Mi" }, limits: { memory: "128Mi" } },
                securityContext: CONFINED,
                terminationMessagePolicy: "FallbackToLogsOnError",
                volumeMounts: [
                  SCRATCH.mount,
                  { name: "scripts", mountPath: "/scripts", readOnly: true },
                  { name: "roles", mountPath: "/roles", readOnly: true },
                ],
              },
            ],
            volumes: [
              SCRATCH.volume,
              { name: "scripts", configMap: { name } },
              { name: "roles", secret: { secretName: "postgres-roles", defaultMode: 0o440 } },
            ],
          },
        },
      },
    },
  ];
}
