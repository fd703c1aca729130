import type { AnnotationProblem } from "../../resources/annotation.ts";
import { readFailureAccrual } from "../../resources/failure-accrual.ts";
import { readRoutePolicy } from "../../resources/route-policy.ts";
import { annotationOf, type Cluster } from "../cluster.ts";
import { isKnownAnnotation } from "../known-annotations.ts";
import { type KubeObject, mayBeSame } from "../kube-object.ts";
import type { Hit, Rule } from "../rule.ts";
import type { Value } from "../value.ts";

const POLICY = /^(retry|timeout|balancer|balancer\.alpha)\.linkerd\.io\//;
const CARRIERS = ["Service", "GRPCRoute", "HTTPRoute"];
const HTTP_STATUSES = /^([1-5]\d\d(-[1-5]\d\d)?|gateway-error|5xx)(,([1-5]\d\d(-[1-5]\d\d)?|gateway-error|5xx))*$/;

export const ANNOTATIONS: readonly Rule[] = [
  {
    name: "retry-statuses",
    why: "Linkerd drops the annotation with no more than a line in its own log: nothing is retried",
    fix: "write statuses in lower case with commas and no spaces: cancelled,deadline-exceeded,internal,resource-exhausted,unavailable",
    *check(cluster) {
      yield* problems(cluster, readRoutePolicy, /^retry\.linkerd\.io\/grpc$/);
      for (const object of cluster.ofKind(...CARRIERS)) {
        const statuses = object.annotations["retry.linkerd.io/http"];
        if (statuses === undefined || HTTP_STATUSES.test(statuses)) continue;
        const at = annotationOf(object, "retry.linkerd.io/http");
        yield {
          at,
          message: `retry.linkerd.io/http is "${statuses}"`,
          fix: 'write statuses such as "5xx", "502-504" or "gateway-error"',
        };
      }
    },
  },
  {
    name: "retry-limit",
    why: "Linkerd takes 0 for no limit given, which means 1, and drops what is no number",
    fix: "write a number from 1 to 65535, or remove every retry annotation to retry nothing",
    *check(cluster) {
      yield* problems(cluster, readRoutePolicy, /^retry\.linkerd\.io\/limit$/);
      for (const object of cluster.ofKind(...CARRIERS)) {
        const limit = object.annotations["retry.linkerd.io/limit"];
        if (limit === undefined || Number(limit) !== 0) continue;
        yield { at: annotationOf(object, "retry.linkerd.io/limit"), message: `retry.linkerd.io/limit is "${limit}"` };
      }
    },
  },
  {
    name: "duration-syntax",
    why: "Linkerd drops a duration that it cannot read: there is no timeout, with no more than a line in its own log",
    fix: "write one whole number and one unit of ms, s, m, h or d: 1500ms instead of 1.5s",
    *check(cluster) {
      yield* problems(cluster, readRoutePolicy, /^(timeout\.linkerd\.io\/.*|retry\.linkerd\.io\/timeout)$/);
    },
  },
  {
    name: "failure-accrual",
    why: "Linkerd drops what it cannot read: endpoints that fail are not taken out, or by other numbers than were written",
    fix: "correct the value: balancer.linkerd.io/failure-accrual: consecutive, with …-consecutive-max-failures, -min-penalty, -max-penalty, -jitter-ratio",
    *check(cluster) {
      yield* problems(cluster, readFailureAccrual, /./);
    },
  },
  {
    name: "annotation-on-wrong-kind",
    why: "Linkerd does not look for the annotation there: it does nothing",
    fix: "move it: balancer.… onto the Service, retry.linkerd.io/grpc onto a GRPCRoute, retry.linkerd.io/http onto an HTTPRoute",
    *check({ objects, routes }) {
      const inbound = new Set(routes.filter(({ isInbound }) => isInbound).map(({ object }) => object));
      for (const object of objects) {
        for (const name of Object.keys(object.annotations)) {
          const isPolicy = /^(retry|timeout)\.linkerd\.io\//.test(name);
          const isBalancing = /^balancer\.(alpha\.)?linkerd\.io\//.test(name);
          const isWrong =
            (isBalancing && object.kind !== "Service") ||
            (isPolicy && (!CARRIERS.includes(object.kind) || inbound.has(object))) ||
            (name === "retry.linkerd.io/grpc" && object.kind === "HTTPRoute") ||
            (name === "retry.linkerd.io/http" && object.kind === "GRPCRoute");
          const place = inbound.has(object) ? `${object.kind} of a Server` : object.kind;
          if (isWrong) yield { at: annotationOf(object, name), message: `${name} stands on a ${place}` };
        }
      }
    },
  },
  {
    name: "annotation-on-backend",
    why: "Linkerd reads retries, timeouts and circuit breaking from the Service that clients call, never from the backends of its routes",
    fix: "move it to the Service that is the route's parent, or onto the route",
    *check(cluster) {
      const backends = cluster.routes.flatMap(({ rules }) => rules.flatMap((rule) => rule.backends));
      for (const service of cluster.ofKind("Service")) {
        const isBackend = backends.some(
          ({ name, namespace }) => name === service.name && mayBeSame(namespace, service.namespace),
        );
        if (!isBackend || cluster.routesOn("Service", service).length > 0) continue;
        for (const name of Object.keys(service.annotations).filter((annotation) => POLICY.test(annotation))) {
          yield {
            at: annotationOf(service, name),
            message: `${name} stands on Service ${service.name}, which is a backend only`,
          };
        }
      }
    },
  },
  {
    name: "service-retry-without-route",
    why: "without a GRPCRoute the proxy sees HTTP: gRPC errors are HTTP 200 and are never retried",
    fix: "attach a GRPCRoute to the Service, if only one with a single rule that matches everything",
    *check(cluster) {
      for (const service of cluster.ofKind("Service")) {
        if (service.annotations["retry.linkerd.io/grpc"] === undefined) continue;
        if (cluster.routesOn("Service", service).some(({ kind }) => kind === "GRPCRoute")) continue;
        yield {
          at: annotationOf(service, "retry.linkerd.io/grpc"),
          message: `Service ${service.name} has no GRPCRoute`,
        };
      }
    },
  },
  {
    name: "annotation-not-text",
    why: "annotations are strings: kubectl refuses the whole resource",
    fix: 'put it in quotes: "2", "true"',
    *check(cluster) {
      for (const [name, at] of placesOf(cluster).flatMap((place) => place.fields)) {
        if (at.exists && at.text === undefined)
          yield { at, message: `${name} is ${JSON.stringify(at.raw)}, which is no string` };
      }
    },
  },
  {
    name: "unknown-annotation",
    why: "Linkerd ignores annotations that it does not know, without a word",
    fix: "correct the spelling or remove it",
    *check(cluster) {
      for (const [name, at] of placesOf(cluster).flatMap((place) => place.fields)) {
        if (/(^|\.)linkerd\.io\//.test(name) && !isKnownAnnotation(name))
          yield { at, message: `Linkerd knows no annotation ${name}` };
      }
    },
  },
];

/** Every mapping of annotations, those of pod templates included. */
function placesOf({ objects, workloads }: Cluster): Value[] {
  const templates = workloads.filter(({ object }) => object.kind !== "Pod").map(({ template }) => template);
  return [...objects.map(({ root }) => root), ...templates].map((place) => place.at("metadata", "annotations"));
}

function* problems(
  cluster: Cluster,
  read: (annotations: KubeObject["annotations"]) => { readonly problems: readonly AnnotationProblem[] },
  annotations: RegExp,
): Iterable<Hit> {
  for (const object of cluster.ofKind(...CARRIERS)) {
    for (const { annotation, state, advice } of read(object.annotations).problems) {
      if (!annotations.test(annotation)) continue;
      yield { at: annotationOf(object, annotation), message: `${annotation}: ${state}`, fix: advice };
    }
  }
}
