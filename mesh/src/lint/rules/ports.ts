import { APP_PROTOCOLS } from "../../resources/kinds/service.ts";
import type { Cluster } from "../cluster.ts";
import { mayBeSame } from "../kube-object.ts";
import type { Rule } from "../rule.ts";

const OPAQUE = "config.linkerd.io/opaque-ports";
/** Linkerd's own list, which the annotation replaces. */
const OPAQUE_BY_DEFAULT = [25, 587, 3306, 4444, 5432, 6379, 9300, 11211];
/** Protocols whose server speaks first, so that detection waits in vain. */
const SERVER_SPEAKS_FIRST = new Map([
  [4222, "NATS"],
  [6222, "NATS routes"],
  [7422, "NATS leaf nodes"],
  [21, "FTP"],
  [110, "POP3"],
  [143, "IMAP"],
  [1025, "SMTP"],
  [2525, "SMTP"],
]);

export const PORTS: readonly Rule[] = [
  {
    name: "app-protocol",
    why: "Linkerd takes any other appProtocol (grpc, http2, https, …) for opaque TCP: no gRPC metrics, routes, retries or splits",
    fix: "write kubernetes.io/h2c for gRPC, http for HTTP/1, linkerd.io/opaque for other TCP, or leave it out",
    *check(cluster) {
      for (const port of cluster.ofKind("Service").flatMap((service) => service.spec.at("ports").items)) {
        const protocol = port.at("appProtocol");
        // "tcp" says what comes of it anyhow.
        if (protocol.text === undefined || [...APP_PROTOCOLS, "tcp"].includes(protocol.text)) continue;
        yield { at: protocol, message: `appProtocol is ${protocol.text}` };
      }
    },
  },
  {
    name: "server-speaks-first",
    why: "the proxy waits 10 s for the client to speak first: every new connection stalls, and most clients give up before",
    fix: `annotate ${OPAQUE} with the port, on the Service and on the pod template; it replaces the default list, so repeat what you need of that`,
    *check(cluster) {
      for (const service of cluster.ofKind("Service")) {
        const opaque = opaquePorts(service.annotations) ?? inherited(cluster, service.namespace);
        for (const port of service.spec.at("ports").items) {
          const number = port.at("port").number ?? 0;
          const protocol = SERVER_SPEAKS_FIRST.get(number);
          if (!protocol || port.at("appProtocol").exists || opaque?.has(number)) continue;
          yield {
            at: port.at("port"),
            message: `port ${number} (${protocol}) of Service ${service.name} is not opaque`,
          };
        }
      }
      for (const { object, template, annotations, ports } of cluster.workloads) {
        if (template.at("metadata", "annotations", "linkerd.io/inject").text === "disabled") continue;
        const opaque = opaquePorts(annotations) ?? inherited(cluster, object.namespace);
        for (const { at, number = 0 } of ports) {
          const protocol = SERVER_SPEAKS_FIRST.get(number);
          if (!protocol || opaque?.has(number)) continue;
          yield {
            at: at.at("containerPort"),
            message: `port ${number} (${protocol}) of ${object.kind} ${object.name} is not opaque`,
          };
        }
      }
    },
  },
  {
    name: "opaque-list-replaced",
    why: "the annotation replaces Linkerd's default list (25,587,3306,4444,5432,6379,9300,11211): the port is no longer opaque, and detection may stall it",
    fix: "add the port to the list",
    *check(cluster) {
      for (const service of cluster.ofKind("Service")) {
        const opaque = opaquePorts(service.annotations);
        for (const port of opaque ? service.spec.at("ports").items : []) {
          const number = port.at("port").number ?? 0;
          if (!OPAQUE_BY_DEFAULT.includes(number) || opaque?.has(number) || port.at("appProtocol").exists) continue;
          yield { at: port.at("port"), message: `port ${number} of Service ${service.name} is missing in ${OPAQUE}` };
        }
      }
      for (const { object, annotations, ports } of cluster.workloads) {
        const opaque = opaquePorts(annotations);
        for (const { at, number = 0 } of opaque ? ports : []) {
          if (!OPAQUE_BY_DEFAULT.includes(number) || opaque?.has(number)) continue;
          yield {
            at: at.at("containerPort"),
            message: `port ${number} of ${object.kind} ${object.name} is missing in ${OPAQUE}`,
          };
        }
      }
    },
  },
];

interface PortSet {
  has(port: number): boolean;
}

/** "4222,6000-6010" */
function opaquePorts(annotations: Readonly<Record<string, string>>): PortSet | undefined {
  const ranges = annotations[OPAQUE]?.split(",").map((range) => range.trim().split("-").map(Number));
  return ranges && { has: (port) => ranges.some(([from = 0, to = from]) => port >= from && port <= to) };
}

function inherited(cluster: Cluster, namespace: string | undefined): PortSet | undefined {
  const found = cluster.ofKind("Namespace").find(({ name }) => mayBeSame(name, namespace));
  return found && opaquePorts(found.annotations);
}
