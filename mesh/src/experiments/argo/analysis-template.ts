/** An experiment's gates as an AnalysisTemplate of Argo Rollouts. Pure: it only computes. */
import { NAMESPACE } from "@row/runtime/names.ts";
import type { Experiment, GateSpec } from "../experiment.ts";
import { type Question, questionsOf, type Services } from "./queries.ts";

const PROMETHEUS = "http://prometheus.observability.svc.cluster.local:9090";
/** So many measurements, as far apart as Prometheus looks. */
const MEASUREMENTS = 4;
const INTERVAL = "15s";
/** Fewer say nothing, whatever the experiment asks for. */
const FEWEST_REQUESTS = 100;

export interface RenderedGates {
  readonly template: object & { readonly metadata: { readonly name: string } };
  readonly questions: readonly Question[];
  /** Those that Linkerd's metrics cannot answer. */
  readonly leftOut: readonly GateSpec["metric"][];
}

/** @param gates those that say something about the service */
export function analysisTemplate(
  { metadata, spec }: Experiment,
  gates: readonly GateSpec[],
  services: Services,
): RenderedGates {
  const minRequests = Math.max(FEWEST_REQUESTS, Math.min(...spec.steps.map((step) => step.minRequests)));
  const asked = gates.map((gate) => ({ gate, questions: questionsOf(gate, services, minRequests) }));
  const questions = asked.flatMap((one) => one.questions);
  const template = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisTemplate",
    metadata: {
      name: `${spec.service}-${metadata.name}`,
      namespace: NAMESPACE,
      labels: { "app.kubernetes.io/name": spec.service, "app.kubernetes.io/part-of": "canary-row" },
    },
    spec: {
      args: [{ name: "stable-hash" }, { name: "canary-hash" }],
      metrics: questions.map(({ name, query }) => ({
        name,
        interval: INTERVAL,
        count: MEASUREMENTS,
        // Both, so that NaN is neither: a canary without traffic waits for a person instead of passing.
        successCondition: "result[0] <= 1",
        failureCondition: "result[0] > 1",
        failureLimit: 0,
        inconclusiveLimit: 0,
        provider: { prometheus: { address: PROMETHEUS, query } },
      })),
    },
  };
  return { template, questions, leftOut: asked.flatMap((one) => (one.questions.length > 0 ? [] : [one.gate.metric])) };
}
