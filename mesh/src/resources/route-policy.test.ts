import assert from "node:assert/strict";
import { test } from "vitest";
import type { Annotations } from "./annotation.ts";
import { durationMs } from "./duration.ts";
import { failureAccrual } from "./failure-accrual.ts";
import type { GrpcRoute, Service } from "./resource.ts";
import { routePolicy } from "./route-policy.ts";

const source = { file: "a.yaml", line: 1 };
const metadata = (annotations: Annotations) => ({ name: "catalog", namespace: "shop", labels: {}, annotations });
const service = (annotations: Annotations): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: metadata(annotations),
  spec: { selector: {}, ports: [] },
  source,
});
const route = (annotations: Annotations): GrpcRoute => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "GRPCRoute",
  metadata: metadata(annotations),
  spec: { parentRefs: [], rules: [] },
  source,
});

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
  assert.deepEqual(routePolicy(route(annotations)), expected);
  assert.deepEqual(routePolicy(service(annotations)), expected);
});

test("has no retries without an annotation, and one unless the limit says otherwise", () => {
  assert.deepEqual(routePolicy(route({})), { timeouts: {} });
  assert.deepEqual(routePolicy(route({ "retry.linkerd.io/limit": "0" })), { timeouts: {} });
  const grpc = { "retry.linkerd.io/grpc": "internal" };
  assert.equal(routePolicy(route(grpc)).retry?.limit, 1);
  assert.equal(routePolicy(route({ ...grpc, "retry.linkerd.io/limit": "0" })).retry?.limit, 1);
  assert.deepEqual(routePolicy(route({ "retry.linkerd.io/limit": "2" })).retry, { grpc: [], limit: 2 });
});

test("a route with any retry sets the Service's retries aside but not its timeouts, and the other way round", () => {
  const parent = service({
    "retry.linkerd.io/grpc": "unavailable",
    "retry.linkerd.io/limit": "5",
    "timeout.linkerd.io/request": "9s",
  });
  assert.deepEqual(routePolicy(route({}), parent), routePolicy(parent));
  assert.deepEqual(routePolicy(route({ "retry.linkerd.io/limit": "2" }), parent), {
    timeouts: { requestMs: 9_000 },
    retry: { grpc: [], limit: 2 },
  });
  assert.deepEqual(routePolicy(route({ "timeout.linkerd.io/idle": "1s" }), parent), {
    timeouts: { idleMs: 1_000 },
    retry: { grpc: ["unavailable"], limit: 5 },
  });
});

test("throws for what the reader would have refused", () => {
  assert.throws(
    () => routePolicy(route({ "retry.linkerd.io/limit": "-1" })),
    /^Error: Cannot use GRPCRoute shop\/catalog, retry.linkerd.io\/limit: it is "-1"; write a number/,
  );
  assert.throws(
    () => failureAccrual(service({ "balancer.linkerd.io/failure-accrual": "x" })),
    /^Error: Cannot use Service shop\/catalog, balancer.linkerd.io\/failure-accrual: it is "x"; write consecutive or unified$/,
  );
});

test("reads circuit breaking with Linkerd's defaults", () => {
  const name = "balancer.linkerd.io/failure-accrual";
  assert.equal(failureAccrual(service({})), undefined);
  const defaults = { maxFailures: 7, minPenaltyMs: 1_000, maxPenaltyMs: 60_000, jitterRatio: 0.5 };
  assert.deepEqual(failureAccrual(service({ [name]: "consecutive" })), { mode: "consecutive", ...defaults });
  assert.deepEqual(
    failureAccrual(
      service({
        [name]: "consecutive",
        [`${name}-consecutive-max-failures`]: "3",
        [`${name}-consecutive-min-penalty`]: "200ms",
        [`${name}-consecutive-max-penalty`]: "5s",
        [`${name}-consecutive-jitter-ratio`]: "0.25",
      }),
    ),
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
    [{ [name]: "unified" }, /unified, and the mesh counts failures in a row only; write consecutive/],
  ];
  for (const [annotations, says] of wrong) {
    assert.throws(() => failureAccrual(service({ [name]: "consecutive", ...annotations })), says);
  }
  assert.throws(() => failureAccrual(service({ [`${name}-consecutive-max-failures`]: "3" })), /no effect alone; add/);
});
