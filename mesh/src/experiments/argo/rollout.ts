/** A service as a Rollout: its Deployment's pods, with calls shared by the Gateway API plugin. */

import { NAMESPACE } from "@row/runtime/names.ts";
import { isRecord } from "../../resources/manifest.ts";
import type { Experiment } from "../experiment.ts";
import type { Services } from "./queries.ts";

const PLUGIN = "argoproj-labs/gatewayAPI";
/** By which a Rollout's pods are told from a Deployment's of the same service, and routes of callers from those that say who may call. */
export const MANAGED_LABEL = "canary-row.dev/rollout";
const MANAGED = { [MANAGED_LABEL]: "true" };
const VERSION = "app.kubernetes.io/version";

export function rolloutServices(service: string): Services {
  return { stable: `${service}-rollout-stable`, canary: `${service}-rollout-canary` };
}

/** @param deployment stable's, as it is rendered for a cluster */
export function rollout(
  { spec }: Experiment,
  deployment: Readonly<Record<string, unknown>>,
  { isCanary, analysis }: { readonly isCanary: boolean; readonly analysis: string },
): object {
  const { service, stable, canary, steps } = spec;
  const { stable: stableService, canary: canaryService } = rolloutServices(service);
  const template = isCanary ? asVersion(templateOf(deployment), spec) : templateOf(deployment);
  const args = [
    { name: "stable-hash", valueFrom: { podTemplateHashValue: "Stable" } },
    { name: "canary-hash", valueFrom: { podTemplateHashValue: "Latest" } },
  ];
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: {
      name: service,
      namespace: NAMESPACE,
      labels: labels(service, isCanary ? canary.version : stable.version),
    },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 3,
      selector: { matchLabels: { "app.kubernetes.io/name": service, ...MANAGED } },
      strategy: {
        canary: {
          stableService,
          canaryService,
          trafficRouting: {
            plugins: {
              [PLUGIN]: {
                namespace: NAMESPACE,
                grpcRouteSelector: { matchLabels: { "app.kubernetes.io/name": service, ...MANAGED } },
              },
            },
          },
          steps: steps.flatMap(({ weights, minSeconds }) => [
            { setWeight: weights.canary },
            { pause: { duration: `${Math.max(minSeconds, spec.warmUpSeconds, 1)}s` } },
            { analysis: { templates: [{ templateName: analysis }], args } },
          ]),
        },
      },
      template: {
        ...template,
        metadata: { ...template.metadata, labels: { ...template.metadata.labels, ...MANAGED } },
      },
    },
  };
}

/** The two Services, which Argo Rollouts points to the pods of each version. */
export function serviceObjects(service: string, written: Readonly<Record<string, unknown>>): object[] {
  const { ports } = isRecord(written.spec) ? written.spec : { ports: [] };
  return Object.values(rolloutServices(service)).map((name) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: NAMESPACE, labels: labels(service) },
    spec: { selector: { "app.kubernetes.io/name": service, ...MANAGED }, ports },
  }));
}

/** A route of the service that shares its calls between the two. */
export function sharedRoute(service: string, route: Readonly<Record<string, unknown>>): object {
  const { stable, canary } = rolloutServices(service);
  const spec = isRecord(route.spec) ? route.spec : {};
  const rules = Array.isArray(spec.rules) ? spec.rules : [];
  const shared = rules.map((rule) => {
    const [first] = isRecord(rule) && Array.isArray(rule.backendRefs) ? rule.backendRefs : [];
    const { port } = isRecord(first) ? first : { port: undefined };
    return {
      ...rule,
      backendRefs: [
        { name: stable, port, weight: 100 },
        { name: canary, port, weight: 0 },
      ],
    };
  });
  const metadata = isRecord(route.metadata) ? route.metadata : {};
  const written = isRecord(metadata.labels) ? metadata.labels : {};
  return { ...route, metadata: { ...metadata, labels: { ...written, ...MANAGED } }, spec: { ...spec, rules: shared } };
}

interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
}

/** Throws where the manifest is no Deployment. */
function templateOf({ spec }: Readonly<Record<string, unknown>>): PodTemplate {
  const template = isRecord(spec) ? spec.template : undefined;
  if (isRecord(template) && isRecord(template.metadata) && isRecord(template.metadata.labels)) {
    return template as unknown as PodTemplate; // its labels are read above
  }
  throw new TypeError("Cannot render a Rollout: the Deployment has no template with labels");
}

/** Says its own version, and takes its own behaviours and image. */
function asVersion(template: PodTemplate, { service, stable, canary }: Experiment["spec"]): PodTemplate {
  return JSON.parse(JSON.stringify(template), (key, value) => {
    if (key === VERSION && value === stable.version) return canary.version;
    if (value === `${service}-${stable.version}-behaviour`) return `${service}-${canary.version}-behaviour`;
    if (key === "image" && canary.image !== undefined) return canary.image;
    return value;
  });
}

function labels(service: string, version?: string): Record<string, string> {
  return {
    "app.kubernetes.io/name": service,
    ...(version !== undefined && { [VERSION]: version }),
    "app.kubernetes.io/part-of": "canary-row",
  };
}
