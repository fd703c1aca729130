/** An experiment for Argo Rollouts: what Argo can do of it as manifests, and what it cannot as comments above them. */
import { NAMESPACE } from "@row/runtime/names.ts";
import { manifestText } from "../../generate/manifest-text.ts";
import type { Manifest } from "../../resources/manifest.ts";
import type { Experiment } from "../experiment.ts";
import { appliesTo, type KnownService } from "../metrics.ts";
import { analysisTemplate, type RenderedGates } from "./analysis-template.ts";
import { MANAGED_LABEL, rollout, rolloutServices, serviceObjects, sharedRoute } from "./rollout.ts";

/** Where the manifests of the cluster say something about the service. */
export interface Written {
  readonly deployment: Manifest;
  /** Of stable's version. */
  readonly service: Manifest;
  readonly routes: readonly Manifest[];
}

/**
 * Everything with stable's pods, to be applied first, or only the Rollout with the canary's, whose applying begins the canary.
 * @param isCanary the second
 */
export function renderArgoRollouts(
  experiment: Experiment,
  known: KnownService,
  { deployment, service, routes }: Written,
  isCanary: boolean,
): string {
  const { spec } = experiment;
  const gates = spec.gates.filter((gate) => appliesTo(gate, known));
  const rendered = analysisTemplate(experiment, gates, rolloutServices(spec.service));
  const managed = rollout(experiment, deployment.value, { isCanary, analysis: rendered.template.metadata.name });
  if (isCanary) return manifestText(comment(canarySays(experiment)), [managed]);
  const objects = [
    ...serviceObjects(spec.service, service.value),
    rendered.template,
    managed,
    ...routes.map((route) => sharedRoute(spec.service, route.value)),
  ];
  return manifestText(comment(stableSays(experiment, rendered)), objects);
}

function stableSays({ metadata, spec }: Experiment, { questions, leftOut }: RenderedGates): string[] {
  const { service, stable } = spec;
  return [
    `Experiment ${metadata.name} for Argo Rollouts 1.9 and its Gateway API plugin 0.15. The routes send all calls to the Rollout's pods, so`,
    "they come last: apply the rest, wait for the pods, apply all of it, and take the Deployment away:",
    `kubectl apply -f THIS -l '!${MANAGED_LABEL}'`,
    `kubectl -n ${NAMESPACE} wait pod -l app.kubernetes.io/name=${service},${MANAGED_LABEL} --for=condition=Ready --timeout=5m`,
    "kubectl apply -f THIS",
    `kubectl -n ${NAMESPACE} scale deployment/${service}-${stable.version} --replicas=0`,
    `The canary begins when what \`npx row experiment render ${metadata.name} --to argo-rollouts --canary\` prints is applied.`,
    `It is taken back with: kubectl argo rollouts -n ${NAMESPACE} abort ${service}`,
    "",
    "What is asked after each step, four times:",
    ...questions.map(({ name, says }) => `- ${name}: ${says}`),
    "",
    "What Argo cannot do of it:",
    "- There is no baseline: the canary is compared with stable, whose processes are warm and whose share is another.",
    "- Limits are held against one minute's figures. Looking again makes false alarms more likely, and alpha and beta mean nothing.",
    "- No version's start, heap or processor time is seen, nor any order, event or invariant" +
      (leftOut.length > 0 ? `; left out: ${leftOut.join(", ")}.` : "."),
    "- Weights are set route after route and never verified: when somebody applies the routes' files in a pause, the split is gone",
    "  for the rest of it while the Rollout says that it is in force.",
    "- Without traffic both conditions are false, and the Rollout waits for a person. With only one of them it would pass, or end.",
    "- No mirroring: the plugin refuses setMirrorRoute. Never add setHeaderRoute: where a rule has no method it puts a rule of headers",
    "  alone before it, and Linkerd then answers every call to the Service with INTERNAL while every status says Accepted.",
    ...(spec.load ? [`- It makes no load; the experiment asks for ${spec.load.mix} at ${spec.load.rate}/s.`] : []),
  ];
}

function canarySays({ metadata, spec }: Experiment): string[] {
  const { service, canary } = spec;
  const secret = `${service}-${canary.version}-behaviour`;
  const code = canary.folder ?? canary.gitRef;
  return [
    `The canary of experiment ${metadata.name}: applying it begins the Rollout's steps.`,
    ...(code === undefined
      ? []
      : [`Its code is ${code}: build an image of it, and write its name in place of stable's.`]),
    ...(canary.behaviour === undefined
      ? []
      : [
          "Its behaviour, before that:",
          `kubectl -n ${NAMESPACE} create secret generic ${secret} \\`,
          `  --from-literal=behaviour.json='{"behaviours":["${canary.behaviour}"],"until":"'$(date -u -d +1hour +%FT%TZ)'","seed":"any"}'`,
        ]),
  ];
}

function comment(lines: readonly string[]): string {
  return lines.map((line) => `# ${line}`.trimEnd()).join("\n");
}
