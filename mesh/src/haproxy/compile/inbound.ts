/** Calls to the workload: mutual TLS, who may call what, and the app behind it. */

import { IDENTITY_DOMAIN } from "@row/runtime/names.ts";
import type { Authorization } from "../../policy/authorization.ts";
import { type InboundPolicy, inboundPolicy } from "../../policy/inbound.ts";
import { type GrpcCandidate, grpcCandidates, type HttpCandidate, httpCandidates } from "../../policy/precedence.ts";
import { nameOf } from "../../resources/resource.ts";
import type { MeshView, Workload } from "../workload.ts";
import { certifiedConditions, laptopConditions } from "./caller-conditions.ts";
import { type Choice, grpcChoices, httpChoices } from "./conditions.ts";
import { CONNECTIONS_TABLE, connectionShare } from "./connection-share.ts";
import { errorFile } from "./errors.ts";
import { inboundLog } from "./log-format.ts";
import { rateLimit } from "./rate-limit.ts";
import { type Line, quoted, section } from "./section.ts";

/** Each listener has its own: what is open at one leaves the others their room. The rest of the process's 4,096 is for what the app calls. */
const MESH_CONNECTIONS = 1_500;
const LAPTOP_CONNECTIONS = 1_000;

/** How a kind of listener turns an authorization into conditions on the caller. */
type CallerConditions = (authorization: Authorization) => string[];

/** The listeners and the app's backend; nothing for a workload that only calls. */
export function inbound(view: MeshView, workload: Workload): string[] {
  const { appSocket, httpSocket } = workload;
  if (appSocket === undefined) return [];
  const policy = inboundPolicy(view.resources, workload.labels);
  const limit = rateLimit(view, policy?.server);
  const lines = (conditions: CallerConditions) => [
    ...policyLines(workload, policy, conditions),
    ...limit.lines(file(workload, errorFile("rate-limited"))),
  ];
  return [
    ...(workload.inboundPort === undefined ? [] : [meshListener(workload, lines(certifiedConditions))]),
    ...(workload.laptopPorts.length === 0 || httpSocket !== undefined
      ? []
      : [laptopListener(workload, lines(laptopConditions))]),
    section("The app", "backend app", [`server app unix@${quoted(appSocket)} proto h2`]),
    ...limit.tables,
    ...(workload.laptopPorts.length === 0 ? [] : [CONNECTIONS_TABLE]),
  ];
}

function meshListener(workload: Workload, policy: readonly Line[]): string {
  const { certificate, anchor } = workload.sidecar;
  const tls = `ssl crt ${quoted(certificate)} ca-file ${quoted(anchor)} verify optional alpn h2`;
  return section("Calls from other workloads, with mutual TLS", "frontend in:grpc", [
    "# Without a certificate the policy decides; with a bad one there is no connection.",
    `bind 127.0.0.1:${workload.inboundPort} ${tls}`,
    `maxconn ${MESH_CONNECTIONS}`,
    "# Callers keep connections for later: they close them first",
    "timeout http-keep-alive 10m",
    ...inboundLog(workload),
    "",
    "# Who calls is what the certificate says, and nothing else",
    "http-request set-var(txn.caller) ssl_c_s_dn(cn) if { ssl_c_used }",
    "http-request del-header l5d-client-id",
    `http-request set-header l5d-client-id %[var(txn.caller)].${IDENTITY_DOMAIN} if { var(txn.caller) -m found }`,
    ...policy,
    "",
    "default_backend app",
  ]);
}

function laptopListener(workload: Workload, policy: readonly Line[]): string {
  return section("Calls from this machine, without an identity: what the toolbox may call", "frontend in:laptop", [
    ...workload.laptopPorts.map((port) => `bind 127.0.0.1:${port} proto h2`),
    ...connectionShare(LAPTOP_CONNECTIONS),
    ...inboundLog(workload),
    "",
    "http-request del-header l5d-client-id",
    ...policy,
    "",
    "default_backend app",
  ]);
}

function policyLines(workload: Workload, policy: InboundPolicy | undefined, conditions: CallerConditions): Line[] {
  const unlessAllowed = "!{ var(txn.policy) -m found }";
  const deny = [
    `http-request set-var(txn.decision) str(deny) if ${unlessAllowed}`,
    `http-request deny deny_status 200 errorfile ${file(workload, errorFile("denied"))} if ${unlessAllowed}`,
  ];
  if (!policy) return ["", "# No Server is about this port: nobody may call", ...deny];
  const server = nameOf(policy.server);
  if (policy.routes.length === 0) {
    return ["", `# ${server}: who may call`, ...policy.authorizations.flatMap(allowLines("", conditions)), ...deny];
  }
  return [
    "",
    `# ${server}: which route`,
    ...routeLines(choicesOf(policy)),
    ...unmatchedLines(workload),
    "",
    "# Who may use it",
    ...policy.routes.flatMap((route) =>
      policy
        .authorizationsOf(route)
        .flatMap(allowLines(`{ var(txn.route) -m str ${route.metadata.name} }`, conditions)),
    ),
    ...deny,
  ];
}

function choicesOf({ routes }: InboundPolicy): Choice<GrpcCandidate | HttpCandidate>[] {
  return [
    ...grpcChoices(grpcCandidates(routes.filter((route) => route.kind === "GRPCRoute"))),
    ...httpChoices(httpCandidates(routes.filter((route) => route.kind === "HTTPRoute"))),
  ];
}

function routeLines(choices: readonly Choice<GrpcCandidate | HttpCandidate>[]): Line[] {
  return choices.map(({ candidate: { route }, condition }) => {
    const when = [condition, "!{ var(txn.route) -m found }"].filter(Boolean).join(" ");
    return `http-request set-var(txn.route) str(${route.metadata.name}) if ${when}`;
  });
}

function unmatchedLines(workload: Workload): Line[] {
  const unlessMatched = "!{ var(txn.route) -m found }";
  return [
    `http-request set-var(txn.decision) str(no-route) if ${unlessMatched}`,
    `http-request deny deny_status 200 errorfile ${file(workload, errorFile("unmatched"))} if ${unlessMatched}`,
  ];
}

/** Any one authorization is enough; the line names it. */
function allowLines(isRoute: string, conditions: CallerConditions): (authorization: Authorization) => Line[] {
  return (authorization) =>
    conditions(authorization).map((isCaller) => {
      const when = [isRoute, isCaller].filter(Boolean).join(" ");
      return `http-request set-var(txn.policy) str(${authorization.name})${when && ` if ${when}`}`;
    });
}

function file({ sidecar }: Workload, name: string): string {
  return quoted(`${sidecar.folder}/${name}`);
}
