/** Retries on a grpc-status, which HAProxy cannot do: the routes' policy as a gRPC service config for the app's channels. */
import { methods } from "@row/runtime/contract.ts";
import { NAMESPACE } from "@row/runtime/names.ts";
import { type OutboundPolicy, outboundPolicy } from "../../policy/outbound.ts";
import type { GrpcMatch, Service } from "../../resources/resource.ts";
import type { RoutePolicy } from "../../resources/route-policy.ts";
import type { MeshView } from "../workload.ts";

interface MethodConfig {
  readonly name: { readonly service: string; readonly method: string }[];
  readonly retryPolicy: {
    readonly maxAttempts: number;
    readonly initialBackoff: string;
    readonly maxBackoff: string;
    readonly backoffMultiplier: number;
    readonly retryableStatusCodes: readonly string[];
  };
}

/** The service config of a workload that calls these Services. Waits between tries are Linkerd's. */
export function serviceConfig(view: MeshView, services: readonly Service[]): { methodConfig: MethodConfig[] } {
  const configs = new Map<string, MethodConfig>();
  for (const service of services) {
    const outbound = outboundPolicy(view.resources, service);
    for (const { service: grpcService, method } of methodsOf(service)) {
      const retry = policyOf(outbound, grpcService, method)?.retry;
      if (!retry || retry.grpc.length === 0) continue;
      const retryPolicy = {
        maxAttempts: retry.limit + 1,
        initialBackoff: "0.025s",
        maxBackoff: "0.25s",
        backoffMultiplier: 2,
        retryableStatusCodes: retry.grpc.map((status) => status.toUpperCase().replaceAll("-", "_")),
      };
      const key = JSON.stringify(retryPolicy);
      const config = configs.get(key) ?? { name: [], retryPolicy };
      config.name.push({ service: grpcService, method });
      configs.set(key, config);
    }
  }
  return { methodConfig: [...configs.values()] };
}

/** A Service's RPCs by its contract: a service config cannot name "all others". */
function methodsOf({ metadata }: Service): { service: string; method: string }[] {
  return [...methods.keys()]
    .filter((path) => path.startsWith(`/${NAMESPACE}.${metadata.name}.`))
    .map((path) => ({ service: path.split("/")[1] ?? "", method: path.split("/")[2] ?? "" }));
}

/** What applies without headers: the client cannot tell by them. */
function policyOf({ candidates, ruleOf }: OutboundPolicy, service: string, method: string): RoutePolicy | undefined {
  const found = candidates.find(({ match }) => fits(match, service, method));
  return found && ruleOf(found).policy;
}

function fits(match: GrpcMatch | undefined, service: string, method: string): boolean {
  if (!match) return true;
  return (
    match.headers.length === 0 &&
    (match.method?.service ?? service) === service &&
    (match.method?.method ?? method) === method
  );
}
