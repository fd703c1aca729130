/** What may be green in a cluster while the mesh is missing: sidecars, the injector, routes, certificates, shares of calls. */
import { inWords, lifetimeOf } from "@row/laptop/checkup/certificates.ts";
import { bad, type Finding, good, warning } from "@row/laptop/checkup/finding.ts";
import { messageOf } from "@row/topology/row-error.ts";
import { checkShares } from "./check-shares.ts";
import { Kubectl, KubectlFailed } from "./kubectl.ts";
import { ROUTES, readLive } from "./live-routes.ts";
import { type LivePod, readPods } from "./pods.ts";

const LINKERD = "linkerd";
const INJECT = "linkerd.io/inject";
const PROXY = "linkerd-proxy";
const DAY_MS = 24 * 3_600_000;
const SOON_MS = 30 * DAY_MS;

export async function checkCluster(kubectl: Kubectl): Promise<Finding[]> {
  const linkerd = new Kubectl(kubectl.context, LINKERD);
  const [pods, annotations, routes, live] = await Promise.all([
    readPods(kubectl),
    namespaceAnnotations(kubectl),
    readRoutes(kubectl),
    readLive(kubectl),
  ]);
  return [
    ...checkSidecars(pods, annotations[INJECT], kubectl.namespace),
    await checkInjector(kubectl),
    ...checkRoutes(routes),
    ...checkShares(live.resources, pods),
    ...(await checkIdentity(linkerd)),
  ];
}

/** Pods that came while the injector was away run without a sidecar, and everybody refuses them. */
function checkSidecars(pods: readonly LivePod[], byDefault: string | undefined, namespace: string): Finding[] {
  const meshed = pods.filter(
    ({ metadata, status }) =>
      (metadata.annotations?.[INJECT] ?? byDefault) === "enabled" && !/^(Succeeded|Failed)$/.test(status?.phase ?? ""),
  );
  const bare = meshed.filter(({ spec }) => ![...spec.containers, ...(spec.initContainers ?? [])].some(isProxy));
  if (bare.length === 0) return [good("sidecars", `all ${meshed.length} pods that are to have one have one`)];
  const advice = `run \`kubectl -n ${namespace} rollout restart deployment\` once the injector answers`;
  return bare.map(({ metadata }) => bad("sidecars", `${metadata.name} has none`, advice));
}

function isProxy({ name }: { readonly name: string }): boolean {
  return name === PROXY;
}

async function namespaceAnnotations(kubectl: Kubectl): Promise<Readonly<Record<string, string>>> {
  const { metadata }: { metadata: { annotations?: Record<string, string> } } = JSON.parse(
    await kubectl.run("get", "namespace", kubectl.namespace, "-o", "json"),
  );
  return metadata.annotations ?? {};
}

/** Asks for a pod that is never made: what comes back has a sidecar where the injector answers. */
async function checkInjector(kubectl: Kubectl): Promise<Finding> {
  const advice = `see \`kubectl -n ${LINKERD} get deploy/linkerd-proxy-injector\` and its logs; pods made meanwhile have no sidecar`;
  try {
    const answer = await kubectl.runWith(JSON.stringify(TRIAL), "create", "--dry-run=server", "-f", "-", "-o", "json");
    const { spec }: LivePod = JSON.parse(answer);
    if ([...spec.containers, ...(spec.initContainers ?? [])].some(isProxy)) return good("injector", "answers");
    return bad("injector", "gives a new pod no sidecar", advice);
  } catch (error) {
    if (!(error instanceof KubectlFailed)) throw error;
    return warning("injector", `cannot be tried: ${error.message}`, "allow a dry run of `kubectl create` of a pod");
  }
}

/** It fits where pods are restricted, and under a quota. */
const TRIAL = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "row-check", annotations: { [INJECT]: "enabled" } },
  spec: {
    securityContext: { runAsNonRoot: true, runAsUser: 65_534, seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      {
        name: "nothing",
        image: "registry.k8s.io/pause:3.10",
        resources: { requests: { cpu: "1m", memory: "1Mi" }, limits: { memory: "16Mi" } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      },
    ],
  },
};

interface RouteWithStatus {
  readonly metadata: { readonly name: string; readonly generation?: number };
  readonly status?: { readonly parents?: readonly ParentStatus[] };
}

interface ParentStatus {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly observedGeneration?: number;
  }[];
}

async function readRoutes(kubectl: Kubectl): Promise<RouteWithStatus[]> {
  const { items }: { items: RouteWithStatus[] } = JSON.parse(await kubectl.run("get", ROUTES, "-o", "json"));
  return items;
}

/** Whoever is to obey a route says of each of its parents whether it does. */
function checkRoutes(routes: readonly RouteWithStatus[]): Finding[] {
  const troubles = routes.flatMap(({ metadata, status }) => {
    const conditions = (status?.parents ?? []).flatMap((parent) => parent.conditions ?? []);
    const refused = conditions.filter((condition) => condition.status === "False");
    if (!conditions.some(({ type }) => type === "Accepted")) return [`${metadata.name} is taken by nobody`];
    const isOld = conditions.some(({ observedGeneration = 0 }) => observedGeneration < (metadata.generation ?? 0));
    return [
      ...refused.map(({ type, reason }) => `${metadata.name} is not ${type}${reason ? `: ${reason}` : ""}`),
      ...(isOld ? [`${metadata.name} has changed, and nobody has looked at it since`] : []),
    ];
  });
  if (troubles.length === 0) return [good("routes", `all ${routes.length} are accepted`)];
  const advice = `see \`kubectl get ${ROUTES} -o yaml\`, and \`npx row mesh lint\` of the file`;
  return troubles.map((says) => bad("routes", says, advice));
}

/** Without an issuer that holds no proxy gets a certificate, and within a day none has one. */
async function checkIdentity(linkerd: Kubectl): Promise<Finding[]> {
  const [issuer, anchor] = await Promise.all([
    certificate(linkerd, "issuer", "secret", "linkerd-identity-issuer", ["crt.pem", "tls.crt"]),
    certificate(linkerd, "trust anchor", "configmap", "linkerd-identity-trust-roots", ["ca-bundle.crt"]),
  ]);
  return [issuer, anchor];
}

async function certificate(
  linkerd: Kubectl,
  subject: string,
  kind: string,
  name: string,
  keys: readonly string[],
): Promise<Finding> {
  const advice = "make a new one: `k8s/linkerd/certificates.sh .row/linkerd`, then `linkerd upgrade` with it";
  try {
    const { data = {} }: { data?: Record<string, string> } = JSON.parse(
      await linkerd.run("get", kind, name, "-o", "json"),
    );
    const [text] = keys.flatMap((key) => data[key] ?? []);
    if (text === undefined) return bad(subject, `${kind} ${name} has no ${keys.join(" or ")}`, advice);
    const { notAfter } = lifetimeOf(kind === "secret" ? Buffer.from(text, "base64") : text);
    const leftMs = notAfter.getTime() - Date.now();
    if (leftMs <= 0) return bad(subject, `ran out ${inWords(-leftMs)} ago`, advice);
    if (leftMs < SOON_MS) return warning(subject, `runs out in ${inWords(leftMs)}`, advice);
    return good(subject, `runs out in ${inWords(leftMs)}`);
  } catch (error) {
    return warning(subject, `cannot be read: ${messageOf(error)}`, "see what `linkerd check` says of it");
  }
}
