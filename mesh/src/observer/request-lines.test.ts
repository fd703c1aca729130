import assert from "node:assert/strict";
import { test } from "vitest";
import { FailureAccrual } from "./failure-accrual.ts";
import { GRPC_STATUSES, NO_STATUS } from "./outcome.ts";
import { podOf } from "./pod.ts";
import { RequestLines } from "./request-lines.ts";

function failuresAfter(times: number, grpcStatus: number, termination: string): number {
  const health = new FailureAccrual("orders-v1-1", "catalog", "catalog-v1-1");
  health.policy = { maxFailures: 100, minPenaltyMs: 1, maxPenaltyMs: 1, jitterRatio: 0 };
  const lines = new RequestLines({
    pod: podOf,
    health: () => health,
    tripped: () => {},
    outbound: () => {},
    inbound: () => {},
  });
  const fields = ["O", "orders-v1-1", "catalog:catalog-fast:0:catalog-v1", "catalog-v1-1", 200, grpcStatus, 900, "0"];
  const line = Buffer.from([...fields, termination, "/shop.catalog.v1.CatalogService/GetProduct", "-", 1].join("|"));
  for (let time = 0; time < times; time += 1) lines.take(line, 1);
  return health.failures;
}

test("counts the six statuses that Linkerd counts, and none of the others (proxy v2.359.0 on a cluster; Codes::default in its source)", () => {
  const counted = GRPC_STATUSES.slice(0, NO_STATUS).filter((_name, code) => failuresAfter(3, code, "--") === 3);
  assert.deepEqual(counted, [
    ...["UNKNOWN", "DEADLINE_EXCEEDED", "PERMISSION_DENIED"],
    ...["INTERNAL", "UNAVAILABLE", "DATA_LOSS"],
  ]);
  const forgotten = GRPC_STATUSES.slice(0, NO_STATUS).filter((_name, code) => failuresAfter(3, code, "--") === 0);
  assert.equal(forgotten.length, 11, "what does not count leaves no trace");
});

test("counts against an endpoint what it answered and connections it broke", () => {
  assert.equal(failuresAfter(3, 4, "--"), 3, "DEADLINE_EXCEEDED, said by the app");
  assert.equal(failuresAfter(3, 14, "--"), 3);
  assert.equal(failuresAfter(3, 14, "SH"), 3);
  assert.equal(failuresAfter(3, 5, "--"), 0, "NOT_FOUND is an answer");
});

test("counts neither the sidecar's own timeouts nor callers that went away", () => {
  assert.equal(failuresAfter(3, 4, "sH"), 0);
  assert.equal(failuresAfter(3, 14, "CH"), 0);
});
