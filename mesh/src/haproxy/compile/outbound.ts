/** Calls to one Service: a listener for the app, the rules of all its routes, and their backends. */

import { outboundPolicy, type ResolvedRule, type ServiceBackend } from "../../policy/outbound.ts";
import type { Service } from "../../resources/resource.ts";
import type { MeshView, Workload } from "../workload.ts";
import { backend, type WeightedBackend } from "./backend.ts";
import { grpcChoices } from "./conditions.ts";
import { errorFile } from "./errors.ts";
import { outboundLog } from "./log-format.ts";
import { type Line, quoted, section } from "./section.ts";
import { WEIGHTS_FILE, weightedChoiceLines } from "./weights.ts";

export interface Outbound {
  readonly text: string;
  readonly backends: readonly WeightedBackend[];
  /** Backends that share a rule's calls with others. */
  readonly shared: readonly WeightedBackend[];
}

/** A rule that calls can come to, and the HAProxy backends that it sends them to. */
interface ReachedRule {
  readonly rule: ResolvedRule;
  readonly backends: readonly WeightedBackend[];
}

export function outbound(view: MeshView, workload: Workload, service: Service): Outbound {
  const policy = outboundPolicy(view.resources, service);
  // Without routes the one rule takes every call.
  const choices =
    policy.candidates.length === 0
      ? policy.rules.map((rule) => ({ rule, condition: "" }))
      : grpcChoices(policy.candidates).map(({ candidate, condition }) => ({
          rule: policy.ruleOf(candidate),
          condition,
        }));
  const reached = new Map(
    choices.map(({ rule }) => rule).map((rule) => [rule, { rule, backends: backendsOf(view, service, rule) }] as const),
  );
  const rules = [...reached.values()];
  const { folder } = workload.sidecar;
  const file = (name: string) => quoted(`${folder}/${name}`);
  const lines = [
    `bind unix@${quoted(workload.sidecar.outboundSockets[service.metadata.name] ?? "")} mode 600 proto h2`,
    ...outboundLog(workload),
    "",
    ...choices.flatMap(({ rule, condition }) => selectLine(reached.get(rule), condition)),
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

function backendsOf(view: MeshView, parent: Service, rule: ResolvedRule): WeightedBackend[] {
  return rule.backends
    .filter((target): target is ServiceBackend => "service" in target)
    .map((target) => {
      const name = `${parent.metadata.name}:${rule.name}:${target.service.metadata.name}`;
      return backend(view, target, { name, rule });
    });
}

/** A rule with one backend is decided here; one with several is noted, and draws below. */
function selectLine(reached: ReachedRule | undefined, condition: string): Line[] {
  if (!reached) return [];
  const { rule, backends } = reached;
  const [only, ...others] = backends;
  const value = only && others.length === 0 ? only.name : rule.name;
  const unlessChosen = "!{ var(txn.backend) -m found }";
  return [
    `# ${rule.about}`,
    `http-request set-var(txn.backend) str(${value}) if ${[condition, unlessChosen].filter(Boolean).join(" ")}`,
  ];
}

function shareLines({ rule, backends }: ReachedRule, map: string): Line[] {
  if (backends.length < 2) return [];
  const isChosen = `{ var(txn.backend) -m str ${rule.name} }`;
  return ["", `# Shares of ${rule.about}`, ...weightedChoiceLines(backends, isChosen, map)];
}
