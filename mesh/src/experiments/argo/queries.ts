/**
 * Gates as questions to Prometheus about Linkerd's outbound metrics. Each answers how much of its limit the canary uses: above 1 it is
 * worse than the experiment allows, and NaN where it had too few requests to say. Pure: it only computes.
 */
import { NAMESPACE } from "@row/runtime/names.ts";
import { FAILURES } from "../../observer/outcome.ts";
import type { GateSpec } from "../experiment.ts";

export interface Question {
  readonly name: string;
  readonly query: string;
  /** What it asks, and what it cannot ask that the judge can. */
  readonly says: string;
}

/** Prometheus looks every 15 s: the rate of a shorter window is often nothing. */
const WINDOW = "1m";
/** Seconds; the bounds of the proxy's histogram (proxy v2.359). */
const BOUNDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 10];

/** The two Services between which a Rollout shares calls. */
export interface Services {
  readonly stable: string;
  readonly canary: string;
}

/** The questions of a gate; none where Linkerd's metrics cannot say. */
export function questionsOf(gate: GateSpec, services: Services, minRequests: number): Question[] {
  switch (gate.metric) {
    case "failures": {
      const share = (service: string) =>
        `${increase(STATUSES, service, `,grpc_status=~"${[...FAILURES].join("|")}"`)} / ${requests(service)}`;
      const limit = `clamp_min(${gate.riskRatio} * ${share(services.stable)}, ${gate.ceiling ?? 1 / minRequests})`;
      const says = `The canary's share of failures against ${gate.riskRatio} times stable's${gate.ceiling === undefined ? "" : ` or ${gate.ceiling}, whichever is more`}.`;
      const methods =
        gate.methods.length > 0 ? " Linkerd counts by route, so all methods count, not only the gate's." : "";
      return [
        {
          name: "failures",
          query: known(`${share(services.canary)} / ${limit}`, services, minRequests),
          says: says + methods,
        },
      ];
    }
    case "latency":
      return gate.thresholds.map((threshold) => latency(threshold, gate.riskRatio, services, minRequests));
    case "calls": {
      const perRequest = (service: string, hash: string) =>
        `(sum(increase(outbound_grpc_route_backend_requests_total{namespace="${NAMESPACE}",pod=~".*-{{args.${hash}}}-.*"}[${WINDOW}])) or vector(0)) / ${requests(service)}`;
      const limit = `clamp_min(${gate.riskRatio} * ${perRequest(services.stable, "stable-hash")}, ${1 / minRequests})`;
      return [
        {
          name: "calls",
          query: known(`${perRequest(services.canary, "canary-hash")} / ${limit}`, services, minRequests),
          says: `The calls that a request makes to other services against ${gate.riskRatio} times stable's.`,
        },
      ];
    }
    default:
      return [];
  }
}

function latency(threshold: string, riskRatio: number, services: Services, minRequests: number): Question {
  const [, quantile] = /^p(\d\d(?:\.\d+)?)$/.exec(threshold) ?? [];
  if (quantile !== undefined) {
    const at = (service: string) =>
      `histogram_quantile(${Number(quantile) / 100}, sum by (le) (rate(${DURATIONS}_bucket${of(service)}[${WINDOW}])))`;
    return {
      name: `latency-${threshold}`,
      query: known(`${at(services.canary)} / (${riskRatio} * ${at(services.stable)})`, services, minRequests),
      says: `The canary's ${threshold} against ${riskRatio} times stable's, to the width of a bucket; the judge compares the shares beyond stable's ${threshold}.`,
    };
  }
  const seconds = threshold.endsWith("ms") ? Number.parseFloat(threshold) / 1_000 : Number.parseFloat(threshold);
  const bound = BOUNDS.find((one) => one >= seconds) ?? BOUNDS.at(-1);
  const beyond = (service: string) =>
    `(1 - ${increase(`${DURATIONS}_bucket`, service, `,le="${bound}"`)} / ${requests(service)})`;
  return {
    name: `latency-${threshold}`,
    query: known(
      `${beyond(services.canary)} / clamp_min(${riskRatio} * ${beyond(services.stable)}, ${1 / minRequests})`,
      services,
      minRequests,
    ),
    says: `The share of requests slower than ${bound} s, the bucket that holds ${threshold}, against ${riskRatio} times stable's.`,
  };
}

const STATUSES = "outbound_grpc_route_backend_response_statuses_total";
const DURATIONS = "outbound_grpc_route_backend_response_duration_seconds";

function of(service: string, more = ""): string {
  return `{namespace="${NAMESPACE}",backend_name="${service}"${more}}`;
}

/** Zero where there is no series, which is what no failure looks like. */
function increase(metric: string, service: string, more = ""): string {
  return `(sum(increase(${metric}${of(service, more)}[${WINDOW}])) or vector(0))`;
}

/** Attempts that were answered: a retry that another version answers hides no failure. */
function requests(service: string): string {
  return increase(STATUSES, service);
}

/** Without enough requests NaN, which neither condition takes. */
function known(query: string, { canary, stable }: Services, minRequests: number): string {
  const enough = (service: string) => `and on() (${requests(service)} >= ${minRequests})`;
  return `(${query})\n${enough(canary)}\n${enough(stable)}\nor on() vector(NaN)`;
}
