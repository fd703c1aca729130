/** Calls to one Service: a listener for the app, the rules of all its routes, and their backends. */

import { type GrpcCandidate, grpcCandidates, grpcRule, ruleName } from "../../policy/precedence.ts";
import { nameOf, type Service } from "../../resources/resource.ts";
import { routePolicy } from "../../resources/route-policy.ts";
import type { MeshView, Workload } from "../workload.ts";
import { backend, type RulePolicy, type WeightedBackend } from "./backend.ts";
import { grpcChoices } from "./conditions.ts";
import { errorFile } from "./errors.ts";
import { outboundLog } from "./log-format.ts";
import { backendRefsOf, outboundRoutes, serviceNamed } from "./mesh-index.ts";
import { type Line, quoted, section } from "./section.ts";
import { WEIGHTS_FILE, weightedChoiceLines } from "./weights.ts";

export interface Outbound {
  readonly text: string;
  readonly backends: readonly WeightedBackend[];
  /** Backends that share a rule's calls with others. */
  readonly shared: readonly WeightedBackend[];
}

interface RuleBackends {
  readonly name: string;
  readonly about: string;
  readonly backends: readonly WeightedBackend[];
}

export function outbound(view: MeshView, workload: Workload, service: Service): Outbound {
  const routes = outboundRoutes(view, service);
  const choices = grpcChoices(grpcCandidates(routes));
  const rules = routes.length === 0 ? [defaultRule(view, service)] : rulesOf(view, service, choices);
  const { folder } = workload.sidecar;
  const file = (name: string) => quoted(`${folder}/${name}`);
  const byName = new Map(rules.map((rule) => [rule.name, rule]));
  const lines = [
    `bind unix@${quoted(workload.sidecar.outboundSockets[service.metadata.name] ?? "")} mode 600 proto h2`,
    ...outboundLog(workload),
    "",
    ...(routes.length === 0
      ? selectLine(rules[0], "")
      : choices.flatMap(({ candidate, condition }) => selectLine(byName.get(ruleName(candidate)), condition))),
    ...rules.flatMap((rule) => shareLines(rule, file(WEIGHTS_FILE))),
    "",
    `http-request deny deny_status 200 errorfile ${file(errorFile("unmatched"))} if !{ var(txn.backend) -m found }`,
    "use_backend %[var(txn.backend)]",
    "",
    "# What the callee's sidecar says in HTTP of an app that is not there, or is gone, is said in gRPC",
    "http-response deny deny_status 503 if { status 503 }",
    "http-response deny deny_status 502 if { status 502 }",
  ];
  const backends = rules.flatMap((rule) => rule.backends);
  return {
    text: [
      section(`Calls to ${service.metadata.name}`, `frontend out:${service.metadata.name}`, lines),
      ...backends.map(({ text }) => text),
    ].join("\n\n"),
    backends,
    shared: rules.filter((rule) => rule.backends.length > 1).flatMap((rule) => rule.backends),
  };
}

function rulesOf(
  view: MeshView,
  service: Service,
  choices: readonly { readonly candidate: GrpcCandidate }[],
): RuleBackends[] {
  const candidates = new Map(choices.map(({ candidate }) => [ruleName(candidate), candidate]));
  return [...candidates].map(([name, candidate]) => {
    const { filters, backendRefs } = grpcRule(candidate);
    const about = `${nameOf(candidate.route)}, rule ${candidate.rule}`;
    const treatment = { about, filters, policy: routePolicy(candidate.route, service) };
    return ruleBackends(view, service, { name, treatment, refs: backendRefsOf(backendRefs, service) });
  });
}

/** A Service without routes: all its instances, with what its own annotations say. */
function defaultRule(view: MeshView, service: Service): RuleBackends {
  const about = `${nameOf(service)}, which has no routes`;
  const treatment = { about, filters: [], policy: routePolicy(service) };
  return ruleBackends(view, service, { name: "default:0", treatment, refs: backendRefsOf([], service) });
}

interface RuleParts {
  readonly name: string;
  readonly treatment: RulePolicy;
  readonly refs: readonly { readonly name: string; readonly weight: number }[];
}

function ruleBackends(view: MeshView, parent: Service, { name, treatment, refs }: RuleParts): RuleBackends {
  const backends = refs.flatMap(({ name: target, weight }) => {
    const service = serviceNamed(view, target, parent.metadata.namespace);
    const backendName = `${parent.metadata.name}:${name}:${target}`;
    return service ? [backend(view, service, { name: backendName, weight, treatment })] : [];
  });
  return { name, about: treatment.about, backends };
}

/** A rule with one backend is decided here; one with several is noted, and draws below. */
function selectLine(rule: RuleBackends | undefined, condition: string): Line[] {
  if (!rule) return [];
  const [only, ...others] = rule.backends;
  const value = only && others.length === 0 ? only.name : rule.name;
  const unlessChosen = "!{ var(txn.backend) -m found }";
  return [
    `# ${rule.about}`,
    `http-request set-var(txn.backend) str(${value}) if ${[condition, unlessChosen].filter(Boolean).join(" ")}`,
  ];
}

function shareLines({ name, about, backends }: RuleBackends, map: string): Line[] {
  if (backends.length < 2) return [];
  return ["", `# Shares of ${about}`, ...weightedChoiceLines(backends, `{ var(txn.backend) -m str ${name} }`, map)];
}
