import { isGateway } from "../gateway-parent.ts";
import { mayBeSame } from "../kube-object.ts";
import type { Rule } from "../rule.ts";

export const PARENTS: readonly Rule[] = [
  {
    name: "incomplete-parent",
    why: "the CRD takes a parent without group and kind for a Gateway, so the route silently does nothing; without port it claims every port",
    fix: "write {group: core, kind: Service, name: …, port: …}",
    *check(cluster) {
      for (const route of cluster.routes) {
        const { object, parents } = route;
        if (parents.length === 0)
          yield { at: object.spec.at("parentRefs"), message: `${object.kind} ${object.name} has no parent` };
        for (const parent of parents.filter((one) => !isGateway(cluster, route, one))) {
          const { at, group, kind, name, port } = parent;
          const missing = [
            ...(group === undefined ? ["group"] : []),
            ...(kind === undefined ? ["kind"] : []),
            ...(kind === "Service" && port === undefined ? ["port"] : []),
          ];
          const server = kind === "Server" ? { fix: "write {group: policy.linkerd.io, kind: Server, name: …}" } : {};
          if (missing.length > 0)
            yield { at, message: `the parent ${name} has no ${missing.join(", no ")}`, ...server };
        }
      }
    },
  },
  {
    name: "missing-parent",
    why: "the route gets the status NoMatchingParent and does nothing",
    fix: "correct the name, or add what it names",
    *check(cluster) {
      for (const { at, kind, name, namespace, port } of cluster.routes.flatMap((route) => route.parents)) {
        if (kind !== "Service" && kind !== "Server") continue;
        if (!cluster.knows(kind, namespace)) continue;
        const parent = kind === "Service" ? cluster.service(name, namespace) : cluster.find(kind, name, namespace);
        if (!parent) yield { at: at.at("name"), message: `there is no ${kind} ${name}` };
        else if (kind === "Service" && port !== undefined) {
          const ports = parent.spec.at("ports").items.map((item) => item.at("port").number);
          if (!ports.includes(port)) yield { at: at.at("port"), message: `Service ${name} has no port ${port}` };
        }
      }
    },
  },
  {
    name: "headless-parent",
    why: "Linkerd does not accept the route (NoMatchingParent): weights, retries and timeouts do nothing",
    fix: "use a Service with a ClusterIP, and have clients dial its name",
    *check(cluster) {
      for (const { at, kind, name, namespace } of cluster.routes.flatMap((route) => route.parents)) {
        const service = kind === "Service" ? cluster.service(name, namespace) : undefined;
        const isHeadless = service?.spec.at("clusterIP").text === "None";
        const isExternal = service?.spec.at("type").text === "ExternalName";
        if (isHeadless || isExternal)
          yield {
            at,
            message: `Service ${name} ${isHeadless ? "is headless (clusterIP: None)" : "is an ExternalName"}`,
          };
      }
    },
  },
  {
    name: "server-parent-port",
    why: "Linkerd does not accept a route on a Server with port, sectionName or another namespace: the port's requests end in grpc-status 5 or 404",
    fix: "write only {group: policy.linkerd.io, kind: Server, name: …}",
    *check({ routes }) {
      for (const { object, parents } of routes) {
        for (const { at, kind, name, namespace } of parents) {
          if (kind !== "Server") continue;
          for (const field of ["port", "sectionName"].filter((field) => at.at(field).exists)) {
            yield { at: at.at(field), message: `the parent Server ${name} is given a ${field}` };
          }
          if (!mayBeSame(namespace, object.namespace))
            yield { at: at.at("namespace"), message: `the parent Server ${name} is in another namespace` };
        }
      }
    },
  },
  {
    name: "mixed-route-kinds",
    why: "the GRPCRoute wins: the HTTPRoute gets RouteReasonConflicted, or is silently ignored when their ports are written differently",
    fix: "turn the HTTPRoute into a GRPCRoute, or remove it",
    *check({ routes }) {
      const grpc = routes
        .filter(({ kind, isInbound }) => kind === "GRPCRoute" && !isInbound)
        .flatMap((route) => route.parents);
      for (const { object, parents } of routes.filter(({ kind, isInbound }) => kind === "HTTPRoute" && !isInbound)) {
        for (const parent of parents) {
          const isTaken = grpc.some(
            (other) =>
              other.kind === "Service" &&
              parent.kind === "Service" &&
              other.name === parent.name &&
              mayBeSame(other.namespace, parent.namespace) &&
              (other.port === undefined || parent.port === undefined || other.port === parent.port),
          );
          if (isTaken)
            yield {
              at: parent.at,
              message: `HTTPRoute ${object.name} hangs on Service ${parent.name}, which has GRPCRoutes`,
            };
        }
      }
    },
  },
];
