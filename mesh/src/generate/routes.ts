import type { MethodContract } from "@row/runtime/contract.ts";
import { GRPC_PORT } from "@row/runtime/names.ts";
import { type KubernetesObject, kubernetesObject } from "./kubernetes-object.ts";
import { methodRules } from "./method-rules.ts";
import { versionName } from "./services.ts";

/** With the catch-all. A split changes the weights in every one of them. */
const ROUTES_A_SERVICE = 6;

/**
 * Two more tries, and only of methods that may be repeated by their nature. Of the statuses only UNAVAILABLE: it is what a
 * refused connection, a drained instance and an open circuit look like. DEADLINE_EXCEEDED has used up the time there is,
 * RESOURCE_EXHAUSTED asks for fewer calls, INTERNAL and CANCELLED would be the same again.
 */
const RETRIES = { "retry.linkerd.io/grpc": "unavailable", "retry.linkerd.io/limit": "2" };

interface CallGroup {
  readonly timeoutMs: number;
  readonly isRetried: boolean;
  readonly methods: readonly MethodContract[];
}

/**
 * How calls of a service travel, whoever makes them: one route for each call class and retry safety in use, and a catch-all
 * for the rest (health, reflection, methods that this checkout does not know) without a timeout or retries.
 *
 * The timeout is the call class, which is also the deadline that a caller of this project sets. The caller's clock starts
 * first and covers all tries, so its deadline fires first, by less than a millisecond; so does a deadline that it has
 * inherited. The route's timeout bounds what has no deadline of its own: grpcurl, and clients of other makes.
 * Streams last as long as both sides want, and Linkerd's timeout would count the whole stream: they have none.
 */
export function routeObjects(service: string, methods: readonly MethodContract[]): KubernetesObject[] {
  const backendRefs = [{ name: versionName(service), port: GRPC_PORT, weight: 1 }];
  const route = (name: string, annotations: Record<string, string> | undefined, rules: object[]) =>
    kubernetesObject("GRPCRoute", `${service}-${name}`, service, {
      annotations,
      // Without group and kind the parent would be a Gateway.
      spec: { parentRefs: [{ group: "core", kind: "Service", name: service, port: GRPC_PORT }], rules },
    });
  return [
    ...callGroups(methods).map((group) =>
      route(nameOf(group), annotationsOf(group), methodRules(group.methods, { backendRefs })),
    ),
    route("other", undefined, [{ backendRefs }]),
  ];
}

function callGroups(methods: readonly MethodContract[]): CallGroup[] {
  const groups = new Map<string, CallGroup>();
  for (const method of methods) {
    const { timeoutMs } = method;
    // A stream that breaks is resumed by whoever reads it.
    const isRetried = method.isIdempotent && Number.isFinite(timeoutMs);
    const key = `${timeoutMs} ${isRetried}`;
    groups.set(key, { timeoutMs, isRetried, methods: [...(groups.get(key)?.methods ?? []), method] });
  }
  const sorted = [...groups.values()].sort((a, b) =>
    a.timeoutMs === b.timeoutMs ? Number(b.isRetried) - Number(a.isRetried) : a.timeoutMs < b.timeoutMs ? -1 : 1,
  );
  return atMost(ROUTES_A_SERVICE - 1, sorted);
}

// Where there are too many, the fastest that is not retried joins the next slower one: callers' own deadlines still hold.
function atMost(count: number, groups: CallGroup[]): CallGroup[] {
  if (groups.length <= count) return groups;
  const [fast, slower] = groups.filter(({ isRetried }) => !isRetried);
  if (!fast || !slower) return groups;
  const merged = { ...slower, methods: [...fast.methods, ...slower.methods] };
  return atMost(
    count,
    groups.filter((group) => group !== fast).map((group) => (group === slower ? merged : group)),
  );
}

const CLASS_NAMES: Readonly<Record<number, string>> = { 500: "fast", 2000: "normal", 10000: "slow" };

function nameOf({ timeoutMs, isRetried }: CallGroup): string {
  if (!Number.isFinite(timeoutMs)) return "stream";
  return `${CLASS_NAMES[timeoutMs] ?? `${timeoutMs}ms`}${isRetried ? "-retried" : ""}`;
}

function annotationsOf({ timeoutMs, isRetried }: CallGroup): Record<string, string> | undefined {
  if (!Number.isFinite(timeoutMs)) return undefined;
  return { "timeout.linkerd.io/request": duration(timeoutMs), ...(isRetried ? RETRIES : {}) };
}

// Linkerd reads one integer with a unit.
function duration(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}
