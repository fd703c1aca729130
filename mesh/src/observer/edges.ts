/** Who has called whom since the observer runs, and by which identities their sidecars know each other. */
import type { CallEdge } from "./call-edge.ts";
import { concerns } from "./stat.ts";

/** What GET /edges answers. */
export interface Edges {
  readonly edges: readonly Edge[];
}

export interface Edge {
  /** "orders-v1" */
  readonly client: string;
  /** As the certificate of its sidecar has it; null when that could not be asked. */
  readonly clientIdentity: string | null;
  /** The version that was called, "catalog-v2", or the Service where no version was chosen. */
  readonly server: string;
  readonly serverIdentity: string | null;
  /** Whether both ends have shown a certificate: sidecars speak mutual TLS or not at all. */
  readonly isSecured: boolean;
  readonly requests: number;
  /** Of those that were not given up by the client, 0 to 1; null when there are none. */
  readonly successRate: number | null;
  readonly lastTime: string;
}

/** Edges of the last ten minutes and longer; with a service, those that lead to or from it. @param identities by "orders-v1" */
export function edgesOf(all: Iterable<CallEdge>, identities: ReadonlyMap<string, string>, service = ""): Edges {
  const wanted = [...all].filter((edge) => !service || concerns(edge, service));
  const groups = Map.groupBy(wanted, ({ pod, to }) => `${pod.service}-${pod.version} ${to.backend || to.parent}`);
  const edges = [...groups].sort(([left], [right]) => (left < right ? -1 : 1));
  return { edges: edges.map(([, group]) => together(group, identities)) };
}

function together(group: readonly CallEdge[], identities: ReadonlyMap<string, string>): Edge {
  const [{ pod, to } = NOBODY] = group;
  const client = `${pod.service}-${pod.version}`;
  const server = to.backend || to.parent;
  const totals = group.map((edge) => edge.totals());
  const sum = (pick: (one: (typeof totals)[number]) => number) => totals.reduce((all, one) => all + pick(one), 0);
  const lastSecond = Math.max(...group.map((edge) => edge.lastSecond));
  const requests = sum((one) => one.requests);
  const answered = requests - sum((one) => one.cancelled);
  const clientIdentity = identities.get(client) ?? null;
  const serverIdentity = identities.get(server) ?? null;
  return {
    client,
    clientIdentity,
    server,
    serverIdentity,
    isSecured: clientIdentity !== null && serverIdentity !== null,
    requests,
    successRate: answered > 0 ? (answered - sum((one) => one.failures)) / answered : null,
    // Lines are counted by a clock that nobody sets.
    lastTime: new Date(Date.now() - performance.now() + lastSecond * 1_000).toISOString(),
  };
}

/** A group has one at least. */
const NOBODY = { pod: { service: "", version: "" }, to: { backend: "", parent: "" } };
