import assert from "node:assert/strict";
import { test } from "vitest";
import type { Annotations } from "./annotation.ts";
import { durationMs } from "./duration.ts";
import { type FailureAccrual, readFailureAccrual } from "./failure-accrual.ts";
import { readResources } from "./read.ts";
import { policyUnder, type RoutePolicy, readRoutePolicy } from "./route-policy.ts";

function policyOf(annotations: Annotations): RoutePolicy {
  const { policy, problems } = readRoutePolicy(annotations);
  assert.deepEqual(problems, []);
  return policy;
}

function accrualOf(annotations: Annotations): FailureAccrual | undefined {
  const { accrual, problems } = readFailureAccrual(annotations);
  assert.deepEqual(problems, []);
  return accrual;
}

/** A Service and a route on it with the same annotations. */
function read(annotations: Annotations) {
  const metadata = `metadata: { name: catalog, annotations: ${JSON.stringify(annotations)} }`;
  return readResources(
    `apiVersion: v1
kind: Service
${metadata}
spec: { selector: { app: catalog }, ports: [{ port: 50051 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
${metadata}
spec:
  parentRefs: [{ group: core, kind: Service, name: catalog, port: 50051 }]
  rules: [{ backendRefs: [{ name: catalog-v1, port: 50051 }] }]
`,
    "a.yaml",
  );
}

test("takes Linkerd's durations, and nothing else that looks like one", () => {
  const taken = { "0": 0, "1ms": 1, "0s": 0, "15s": 15_000, "2m": 120_000, "1h": 3_600_000, "1d": 86_400_000 };
  for (const [text, milliseconds] of Object.entries(taken)) assert.equal(durationMs(text), milliseconds, text);
  for (const text of ["", "5", "0.5s", "1m30s", "-1s", " 1s", "1s ", "1 s", "1us", "1S", "9999999999999d"]) {
    assert.equal(durationMs(text), undefined, text);
  }
});

test("reads timeouts and retries", () => {
  const annotations = {
    "timeout.linkerd.io/request": "2s",
    "timeout.linkerd.io/response": "1s",
    "timeout.linkerd.io/idle": "10s",
    "retry.linkerd.io/grpc": "unavailable,deadline-exceeded",
    "retry.linkerd.io/limit": "3",
    "retry.linkerd.io/timeout": "400ms",
  };
  const expected = {
    timeouts: { requestMs: 2_000, responseMs: 1_000, idleMs: 10_000 },
    retry: { grpc: ["unavailable", "deadline-exceeded"], limit: 3, timeoutMs: 400 },
  };
  assert.deepEqual(policyOf(annotations), expected);
  const { resources, problems } = read(annotations);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    resources.map((resource) => "policy" in resource && resource.policy),
    [expected, expected],
    "it is on the Service and on the route once they are read",
  );
});

test("has no retries without an annotation, and one unless the limit says otherwise", () => {
  assert.deepEqual(policyOf({}), { timeouts: {} });
  assert.deepEqual(policyOf({ "retry.linkerd.io/limit": "0" }), { timeouts: {} });
  const grpc = { "retry.linkerd.io/grpc": "internal" };
  assert.equal(policyOf(grpc).retry?.limit, 1);
  assert.equal(policyOf({ ...grpc, "retry.linkerd.io/limit": "0" }).retry?.limit, 1);
  assert.deepEqual(policyOf({ "retry.linkerd.io/limit": "2" }).retry, { grpc: [], limit: 2 });
});

test("a route with any retry sets the Service's retries aside but not its timeouts, and the other way round", () => {
  const parent = policyOf({
    "retry.linkerd.io/grpc": "unavailable",
    "retry.linkerd.io/limit": "5",
    "timeout.linkerd.io/request": "9s",
  });
  assert.deepEqual(policyUnder(policyOf({}), parent), parent);
  assert.deepEqual(policyUnder(policyOf({ "retry.linkerd.io/limit": "2" }), parent), {
    timeouts: { requestMs: 9_000 },
    retry: { grpc: [], limit: 2 },
  });
  assert.deepEqual(policyUnder(policyOf({ "timeout.linkerd.io/idle": "1s" }), parent), {
    timeouts: { idleMs: 1_000 },
    retry: { grpc: ["unavailable"], limit: 5 },
  });
});

test("what Linkerd would not take is named, on routes and Services alike", () => {
  const { resources, problems } = read({ "retry.linkerd.io/limit": "-1" });
  assert.deepEqual(resources, []);
  const says = /retry\.linkerd\.io\/limit\W*: it is "-1"; write a number from 1 to 65535$/;
  for (const { message } of problems) assert.match(message, says);
  assert.equal(problems.length, 2);
});

test("reads circuit breaking with Linkerd's defaults", () => {
  const name = "balancer.linkerd.io/failure-accrual";
  assert.equal(accrualOf({}), undefined);
  const defaults = { maxFailures: 7, minPenaltyMs: 1_000, maxPenaltyMs: 60_000, jitterRatio: 0.5 };
  assert.deepEqual(accrualOf({ [name]: "consecutive" }), { mode: "consecutive", ...defaults });
  assert.deepEqual(
    accrualOf({
      [name]: "consecutive",
      [`${name}-consecutive-max-failures`]: "3",
      [`${name}-consecutive-min-penalty`]: "200ms",
      [`${name}-consecutive-max-penalty`]: "5s",
      [`${name}-consecutive-jitter-ratio`]: "0.25",
    }),
    { mode: "consecutive", maxFailures: 3, minPenaltyMs: 200, maxPenaltyMs: 5_000, jitterRatio: 0.25 },
  );
});

test("refuses circuit breaking that Linkerd would not take", () => {
  const name = "balancer.linkerd.io/failure-accrual";
  const wrong: [Annotations, RegExp][] = [
    [{ [`${name}-consecutive-max-failures`]: "0" }, /write a whole number from 1/],
    [{ [`${name}-consecutive-jitter-ratio`]: "101" }, /write a number from 0 to 100/],
    [{ [`${name}-consecutive-min-penalty`]: "2m" }, /least penalty of 120000 ms exceeds the most, 60000 ms/],
    [{ "balancer.alpha.linkerd.io/failure-accrual-window": "9ms" }, /under 10 ms/],
    [{ "balancer.alpha.linkerd.io/failure-accrual-success-rate-threshold": "1.1" }, /write a number from 0 to 1/],
    [{ [name]: "sometimes" }, /it is "sometimes" write consecutive or unified/],
  ];
  const problemsOf = (annotations: Annotations) =>
    readFailureAccrual(annotations).problems.map(({ state, advice }) => `${state} ${advice}`);
  for (const [annotations, says] of wrong) {
    assert.match(problemsOf({ [name]: "consecutive", ...annotations }).join("\n"), says);
  }
  assert.match(problemsOf({ [`${name}-consecutive-max-failures`]: "3" }).join("\n"), /no effect alone add/);
});

test("a Service carries the circuit breaking that it asks for; rates of success are refused", () => {
  const name = "balancer.linkerd.io/failure-accrual";
  const service = (value: string) =>
    readResources(
      `apiVersion: v1
kind: Service
metadata: { name: catalog, annotations: { ${name}: ${value}, ${name}-consecutive-max-failures: "3" } }
spec: { selector: { app: catalog }, ports: [{ port: 50051 }] }
`,
      "a.yaml",
    );
  const [read] = service("consecutive").resources;
  assert.equal(read?.kind === "Service" && read.failureAccrual?.maxFailures, 3);
  assert.match(
    service("unified")
      .problems.map(({ message }) => message)
      .join("\n"),
    /it is unified, and the mesh counts failures in a row only; write consecutive/,
  );
});
