import type { MethodContract } from "@row/runtime/contract.ts";
import { IDENTITY_DOMAIN, identityOf, labelsOf, NAMESPACE } from "@row/runtime/names.ts";
import { named } from "../resources/lookup.ts";
import type { Resource } from "../resources/resource.ts";
import { inboundPolicy } from "./inbound.ts";
import { mayCall, type Verdict } from "./verdict.ts";

/** One method of one service, and what each caller would hear. */
export interface AccessRow {
  readonly service: string;
  /** "/shop.catalog.v1.CatalogService/GetProduct" */
  readonly path: string;
  /** In the order of the table's callers. */
  readonly verdicts: readonly Verdict[];
}

export interface AccessTable {
  /** Every account that some policy names, then "others" (any other account) and "nobody" (no identity). */
  readonly callers: readonly string[];
  readonly rows: readonly AccessRow[];
}

const HEALTH_AND_REFLECTION = [
  "/grpc.health.v1.Health/Check",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];

/** Who may call which of these methods, of every service that there is a Service for, or of one. */
export function accessTable(
  resources: readonly Resource[],
  methods: Iterable<Pick<MethodContract, "service" | "path">>,
  version: string,
  only?: string,
): AccessTable {
  const served = new Map<string, string[]>();
  for (const { service, path } of methods) {
    if (!named(resources, "Service", service) || (only !== undefined && only !== service)) continue;
    served.set(service, [...(served.get(service) ?? []), path]);
  }
  const services = [...served].sort(([a], [b]) => (a < b ? -1 : 1));
  const callersNamed = new Set(services.flatMap(([service]) => namedCallers(resources, labelsOf(service, version))));
  const callers = [
    ...[...callersNamed].sort().map((identity) => ({ name: nameOf(identity), identity })),
    { name: "others", identity: identityOf("any-other-account") },
    { name: "nobody", identity: undefined },
  ];
  const rows = services.flatMap(([service, own]) =>
    [...own, ...HEALTH_AND_REFLECTION].map((path) => {
      const labels = labelsOf(service, version);
      const verdicts = callers.map(({ identity }) => mayCall(resources, { labels, path, caller: identity }));
      return { service, path, verdicts };
    }),
  );
  return { callers: callers.map(({ name }) => name), rows };
}

function namedCallers(resources: readonly Resource[], labels: Readonly<Record<string, string>>): string[] {
  const policy = inboundPolicy(resources, labels);
  if (!policy) return [];
  const authorizations = [
    policy.authorizations,
    ...policy.routes.map((route) => policy.authorizationsOf(route)),
  ].flat();
  return authorizations.flatMap(({ identities = [] }) => identities.filter((identity) => !identity.startsWith("*")));
}

/** "edge", and with its namespace where that is not the shop's. */
function nameOf(identity: string): string {
  const name = identity.replace(`.${IDENTITY_DOMAIN}`, "");
  return name.endsWith(`.${NAMESPACE}`) ? name.slice(0, -NAMESPACE.length - 1) : name;
}
