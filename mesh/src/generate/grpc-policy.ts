import type { MethodContract } from "@row/runtime/contract.ts";
import { TOOLBOX } from "@row/runtime/names.ts";
import { allowAccounts, routeParent } from "./authorizations.ts";
import { fittingName, type KubernetesObject, kubernetesObject } from "./kubernetes-object.ts";
import { methodRules } from "./method-rules.ts";
import { server } from "./servers.ts";

/** Beyond so many callers a route is named after its first method instead. */
const CALLERS_IN_A_NAME = 3;

/** What anybody who looks around calls: the toolbox is for that. */
const LOOKING_AROUND = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

/**
 * Who may call which method: one route for each set of callers, with its own authorization. Nothing authorizes the Server
 * as a whole, because that would add to every route.
 *
 * What no route matches Linkerd answers with NOT_FOUND, which would tell strangers which methods there are. The last route
 * matches everything and nobody is authorized to use it: what is nobody's business is PERMISSION_DENIED, whether it exists
 * or not.
 */
export function grpcPolicy(service: string, methods: readonly MethodContract[]): KubernetesObject[] {
  const name = `${service}-grpc`;
  const route = (routeName: string, rules: object[]) =>
    kubernetesObject("GRPCRoute", routeName, service, { spec: { parentRefs: [routeParent(name)], rules } });
  const allowed = (routeName: string, callers: readonly string[], rules: object[]) => [
    route(routeName, rules),
    ...allowAccounts(routeName, service, { kind: "GRPCRoute", name: routeName }, callers),
  ];
  const lookingAround = [{ matches: LOOKING_AROUND.map((name) => ({ method: { service: name } })) }];
  return [
    server(name, service, "grpc", "gRPC"),
    ...byCallers(methods).flatMap(({ callers, methods }) =>
      allowed(routeName(service, callers, methods), callers, methodRules(methods)),
    ),
    ...allowed(`${service}-health-and-reflection`, [TOOLBOX], lookingAround),
    route(`${service}-for-nobody`, [{}]),
  ];
}

interface CallerGroup {
  readonly callers: readonly string[];
  readonly methods: readonly MethodContract[];
}

function byCallers(methods: readonly MethodContract[]): CallerGroup[] {
  const groups = new Map<string, CallerGroup>();
  for (const method of methods) {
    const callers = [...method.callers].sort();
    if (callers.length === 0) continue;
    const key = callers.join(" ");
    groups.set(key, { callers, methods: [...(groups.get(key)?.methods ?? []), method] });
  }
  return [...groups.keys()].sort().flatMap((key) => groups.get(key) ?? []);
}

/** "catalog-for-edge-and-toolbox", and for many callers "auth-for-callers-of-get-key-set". */
function routeName(service: string, callers: readonly string[], methods: readonly MethodContract[]): string {
  const whom =
    callers.length > CALLERS_IN_A_NAME ? `callers-of-${kebab(methods[0]?.descriptor.name ?? "")}` : list(callers);
  return fittingName(`${service}-for-${whom}`);
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join("-")}-and-${names.at(-1)}`;
}

function kebab(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, "-").toLowerCase();
}
