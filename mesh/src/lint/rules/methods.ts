import type { KubeObject } from "../kube-object.ts";
import { firstAnnotation, type MethodPolicy, methodPolicies } from "../method-policy.ts";
import type { Hit, Rule } from "../rule.ts";

export const METHODS: readonly Rule[] = [
  {
    name: "timeout-over-stream",
    why: "the timeout counts for the whole stream: every long-lived stream is cut with grpc-status 4",
    fix: "put streaming methods into a GRPCRoute of their own without timeout annotations",
    *check(cluster) {
      const cut = methodPolicies(cluster).filter(
        ({ method, timeouts }) => method.isStreaming && Object.keys(timeouts).length > 0,
      );
      yield* grouped(cut, ({ timeoutsFrom }) => timeoutsFrom, "timeout.linkerd.io/", "times out the stream");
    },
  },
  {
    name: "retry-not-idempotent",
    why: "a try that failed may have been carried out: the retry does it twice",
    fix: "take the retries off the route, or make the method idempotent and say so in its contract (idempotency_level)",
    *check(cluster) {
      // A limit alone retries only what has not reached the callee.
      const repeated = methodPolicies(cluster).filter(
        ({ method, retry }) =>
          !method.isIdempotent && retry && (retry.grpc.length > 0 || retry.timeoutMs !== undefined),
      );
      yield* grouped(repeated, ({ retryFrom }) => retryFrom, "retry.linkerd.io/", "retries");
    },
  },
];

/** One hit for each object whose annotation does it, with all methods that it does it to. */
function grouped(
  policies: readonly MethodPolicy[],
  from: (policy: MethodPolicy) => KubeObject,
  prefix: string,
  verb: string,
): Hit[] {
  const objects = new Set(policies.map(from));
  return [...objects].map((object) => {
    const methods = policies
      .filter((policy) => from(policy) === object)
      .map(({ method }) => `${method.service}/${method.name}`);
    const at = firstAnnotation(object, prefix);
    return { at, message: `${object.kind} ${object.name} ${verb} ${[...new Set(methods)].join(", ")}` };
  });
}
