/** The gates of an experiment, each with the fields of its metric. Pure: it only computes. */
import { durationMs } from "../resources/duration.ts";
import type { Fields } from "../resources/fields.ts";
import type { GateSpec } from "./experiment.ts";
import type { MeasuredRates } from "./feasibility.ts";
import { appliesTo, DEFAULT_GATES, type KnownService, METRICS } from "./metrics.ts";
import { readOptionalShare } from "./values.ts";

/** The default set where the file names no gates. */
export function readGates(
  spec: Fields,
  service: KnownService | undefined,
  measured: MeasuredRates,
): readonly GateSpec[] {
  if (!spec.has("gates")) {
    spec.ignore("gates");
    return DEFAULT_GATES;
  }
  const gates = spec.each("gates", readGate, { min: 1, wanted: "a gate, or leave gates out to have the default ones" });
  for (const [index, gate] of gates.entries()) {
    const at = ["gates", index, "metric"];
    if (gates.findIndex(({ metric }) => metric === gate.metric) !== index)
      spec.problem(at, `${gate.metric} stands there twice`, "remove one");
    if (service && !appliesTo(gate, service))
      spec.problem(at, `${service.name} does nothing that ${gate.metric} could count`, "remove it");
    refuseUnknownMethods(spec, gate, index, service);
    refuseLowCeiling(spec, gate, index, measured);
  }
  if (gates.length > 0 && !gates.some((gate) => "decides" in gate && gate.decides)) {
    spec.problem(
      "gates",
      "none of them decides",
      "let one decide, failures for example: nothing could ever be promoted",
    );
  }
  return gates;
}

function refuseUnknownMethods(spec: Fields, gate: GateSpec, index: number, service: KnownService | undefined): void {
  if (!service || !("methods" in gate)) return;
  for (const [position, method] of gate.methods.entries()) {
    if (service.methods.includes(method)) continue;
    const state = `${service.name} has no method "${method}"`;
    spec.problem(["gates", index, "methods", position], state, `write one of ${service.methods.join(", ")}`);
  }
}

/** Stable itself would hardly pass: no canary could be promoted. */
function refuseLowCeiling(spec: Fields, gate: GateSpec, index: number, measured: MeasuredRates): void {
  if (!("ceiling" in gate) || gate.ceiling === undefined) return;
  const rate = measured[gate.metric];
  if (rate === undefined || gate.ceiling >= 2 * rate) return;
  const state = `stable itself has ${percent(rate)}`;
  const advice = `write at least ${percent(2 * rate)}, twice as much: a canary that is as good could not be promoted`;
  spec.problem(["gates", index, "ceiling"], state, advice);
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))}%`;
}

const PLACE = { from: 1, to: 1_000, wanted: "a whole number from 1 to 1000" };

function readGate(gate: Fields): GateSpec {
  const metric = gate.oneOf("metric", METRICS);
  const known = DEFAULT_GATES.find((one) => one.metric === metric);
  switch (known?.metric) {
    case "failures":
      return { ...known, ...readTested(gate, known), ...readCeiling(gate, known), methods: readMethods(gate) };
    case "latency":
      return {
        ...known,
        ...readTested(gate, known),
        thresholds: readThresholds(gate, known.thresholds),
        methods: readMethods(gate),
      };
    case "calls": {
      const mostPerRequest = gate.integer("mostPerRequest", { ...PLACE, fallback: known.mostPerRequest });
      return { ...known, ...readTested(gate, known), mostPerRequest };
    }
    case "cancelled-orders":
    case "dead-letters":
      return { ...known, ...readTested(gate, known), ...readCeiling(gate, known) };
    case "memory": {
      const range = { from: 0.1, to: 10_000, wanted: "MB a minute, such as 10" };
      return {
        metric: "memory",
        megabytesPerMinute: gate.number("megabytesPerMinute", { ...range, fallback: known.megabytesPerMinute }),
      };
    }
    case "cpu":
      return {
        metric: "cpu",
        ratio: readRatio(gate, "ratio", known.ratio),
        minRequests: gate.integer("minRequests", {
          from: 1,
          to: 1e9,
          wanted: "a whole number from 1",
          fallback: known.minRequests,
        }),
      };
    case "start":
      return {
        metric: "start",
        ratio: readRatio(gate, "ratio", known.ratio),
        readyMs: readMilliseconds(gate, "readyDifference", known.readyMs),
        callMs: readMilliseconds(gate, "callDifference", known.callMs),
      };
    default:
      return { metric: "invariants" };
  }
}

function readTested(gate: Fields, known: { share: number; riskRatio: number; decides: boolean }) {
  return {
    share: gate.integer("share", { ...PLACE, fallback: known.share }),
    riskRatio: readRatio(gate, "riskRatio", known.riskRatio),
    decides: gate.flag("decides", known.decides),
  };
}

function readRatio(gate: Fields, field: string, fallback: number): number {
  return gate.number(field, { from: 1.05, to: 100, wanted: "a ratio from 1.05 to 100, such as 2", fallback });
}

function readCeiling(gate: Fields, { ceiling }: { readonly ceiling?: number }): { ceiling?: number } {
  const read = readOptionalShare(gate, "ceiling", { from: 0.0001, to: 0.5 }) ?? ceiling;
  return read === undefined ? {} : { ceiling: read };
}

function readMethods(gate: Fields): string[] {
  return gate.list("methods", { pattern: /^[A-Z]\w*$/, wanted: "a method's name such as GetProduct" });
}

function readThresholds(gate: Fields, fallback: readonly string[]): readonly string[] {
  const wanted = "a quantile of stable's such as p99, or a duration such as 200ms";
  const read = gate.list("thresholds", { pattern: /^(p[1-9]\d(\.\d)?|[1-9]\d*(ms|s))$/, wanted, max: 10 });
  return read.length > 0 ? read : fallback;
}

function readMilliseconds(gate: Fields, field: string, fallback: number): number {
  const wanted = "a duration such as 50ms";
  const text = gate.optionalText(field, { wanted });
  const milliseconds = text === undefined ? fallback : durationMs(text);
  if (milliseconds !== undefined) return milliseconds;
  gate.problem(field, `it is "${text}"`, `write ${wanted}`);
  return fallback;
}
