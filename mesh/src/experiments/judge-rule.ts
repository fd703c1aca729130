/** What the judge is told of an experiment. Pure: it only computes. */
import type { Gate, JudgeRule } from "../judge/rule.ts";
import type { Experiment, GateSpec } from "./experiment.ts";
import { appliesTo, INVARIANTS, type KnownService } from "./metrics.ts";

export function judgeRuleOf({ spec }: Experiment, service: KnownService): JudgeRule {
  const gates = spec.gates.filter((gate) => appliesTo(gate, service));
  const tested = gates.flatMap(testsOf);
  const shares = tested.reduce((sum, { share }) => sum + share, 0);
  const find = <M extends GateSpec["metric"]>(metric: M) =>
    gates.find((gate): gate is Extract<GateSpec, { metric: M }> => gate.metric === metric);
  const [memory, cpu, start] = [find("memory"), find("cpu"), find("start")];
  return {
    service: spec.service,
    versions: { stable: spec.stable.version, canary: spec.canary.version },
    alpha: spec.alpha,
    beta: spec.beta,
    steps: spec.steps,
    warmUpSeconds: spec.warmUpSeconds,
    longestSeconds: spec.longestSeconds,
    gates: tested.map((gate) => ({ ...gate, share: gate.share / shares })),
    invariants: find("invariants") ? INVARIANTS : {},
    ...(memory && { memory: { megabytesPerMinute: memory.megabytesPerMinute } }),
    ...(cpu && { cpu: { ratio: cpu.ratio, minRequests: cpu.minRequests } }),
    ...(start && { start: { ratio: start.ratio, readyMs: start.readyMs, callMs: start.callMs } }),
  };
}

/** The comparisons that a gate makes: latency makes one for each threshold, which share its share. */
export function testsOf(spec: GateSpec): Gate[] {
  switch (spec.metric) {
    case "failures":
      return [tested(spec, { name: "failures", title: "failed requests", unit: "requests" })];
    case "latency":
      return spec.thresholds.map((threshold) => {
        const than = threshold.startsWith("p") ? `stable's ${threshold}` : threshold;
        const gate = tested(spec, {
          name: `latency-${threshold}`,
          title: `requests that failed or took longer than ${than}`,
          unit: "requests",
        });
        return { ...gate, share: spec.share / spec.thresholds.length };
      });
    case "calls": {
      const gate = tested(spec, { name: "calls", title: "calls to other services", unit: "requests" });
      return [{ ...gate, kind: "rate", clump: spec.mostPerRequest }];
    }
    case "cancelled-orders":
      return [tested(spec, { name: "cancelled-orders", title: "cancelled orders", unit: "orders" })];
    case "dead-letters":
      return [tested(spec, { name: "dead-letters", title: "events that became dead letters", unit: "events" })];
    default:
      return [];
  }
}

function tested(
  spec: Pick<Gate, "share" | "riskRatio" | "decides" | "ceiling" | "methods">,
  described: Pick<Gate, "name" | "title" | "unit">,
): Gate {
  const { share, riskRatio, decides, ceiling, methods = [] } = spec;
  return {
    ...described,
    kind: "proportion",
    share,
    riskRatio,
    decides,
    ...(ceiling !== undefined && { ceiling }),
    ...(methods.length > 0 && { methods }),
  };
}
