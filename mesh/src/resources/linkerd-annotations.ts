/** Linkerd's annotations on a resource that the mesh obeys: which may stand there, and what they say. */

import type { AnnotationProblem } from "./annotation.ts";
import { FAILURE_ACCRUAL, ONLY_CONSECUTIVE, readFailureAccrual } from "./failure-accrual.ts";
import type { Fields } from "./fields.ts";
import type { GrpcRoute, Kind, Service } from "./resource.ts";
import { readRoutePolicy } from "./route-policy.ts";

const OBEYED = [/^timeout\.linkerd\.io\/(request|response|idle)$/, /^retry\.linkerd\.io\/(grpc|limit|timeout)$/];
const OBEYED_ON_SERVICES =
  /^balancer\.linkerd\.io\/failure-accrual(-consecutive-(max-failures|min-penalty|max-penalty|jitter-ratio))?$/;
/** How a cluster injects sidecars and which ports they leave alone: nothing that the laptop's sidecars could do otherwise. */
const FOR_CLUSTERS =
  /^(config\.linkerd\.io\/(opaque-ports|skip-inbound-ports|skip-outbound-ports)|linkerd\.io\/(created-by|inject))$/;

/** What the annotations of a resource say; nothing for a kind that takes none. */
type Annotated = Partial<Pick<GrpcRoute, "policy"> & Pick<Service, "failureAccrual">>;

/** Reads the annotations, and names every one of Linkerd's that is wrong, unknown or without effect here. */
export function readAnnotations(
  metadata: Fields,
  kind: Kind,
  annotations: Readonly<Record<string, string>>,
  isInbound: boolean,
): Annotated {
  const takesPolicy = kind === "Service" || (kind === "GRPCRoute" && !isInbound);
  for (const name of Object.keys(annotations)) {
    if (!/(^|\.)linkerd\.io\//.test(name) || FOR_CLUSTERS.test(name)) continue;
    const isPolicy = OBEYED.some((known) => known.test(name));
    const isBalancing = isBalancingName(name);
    if ((isPolicy && takesPolicy) || (isBalancing && kind === "Service")) continue;
    const state =
      isPolicy || isBalancing
        ? `it has no effect on ${isInbound ? "an inbound route" : `a ${kind}`}`
        : "the mesh does not obey it";
    metadata.problem(["annotations", name], state, adviceFor(name, isPolicy, isBalancing));
  }
  if (kind !== "Service" && kind !== "GRPCRoute") return {};
  const { policy, problems } = readRoutePolicy(takesPolicy ? annotations : {});
  complainOf(metadata, problems);
  if (kind === "GRPCRoute") return { policy };
  const { accrual, problems: wrong } = readFailureAccrual(annotations);
  // What the mesh obeys in no case has been named above.
  complainOf(
    metadata,
    wrong.filter(({ annotation }) => isBalancingName(annotation)),
  );
  complainOf(metadata, annotations[FAILURE_ACCRUAL] === "unified" ? [ONLY_CONSECUTIVE] : []);
  return { policy, ...(accrual && { failureAccrual: accrual }) };
}

function complainOf(metadata: Fields, problems: readonly AnnotationProblem[]): void {
  for (const { annotation, state, advice } of problems) metadata.problem(["annotations", annotation], state, advice);
}

function isBalancingName(annotation: string): boolean {
  return OBEYED_ON_SERVICES.test(annotation);
}

function adviceFor(name: string, isPolicy: boolean, isBalancing: boolean): string {
  if (isPolicy) return "write it on the Service, or on a GRPCRoute whose parent is the Service";
  if (isBalancing) return "write it on the Service";
  if (name === "retry.linkerd.io/http") return "write retry.linkerd.io/grpc: calls in this mesh are gRPC";
  return "correct its name or remove it";
}
