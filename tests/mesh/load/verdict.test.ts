import assert from "node:assert/strict";
import { test } from "vitest";
import type { Failure } from "./load-job.ts";
import { type Happening, judge } from "./verdict.ts";

const PLACE_ORDER = "/shop.orders.v1.OrderService/PlaceOrder";
const kill: Happening = {
  what: "kill orders-v1-2",
  kind: "kill",
  service: "orders",
  startedAt: 1_000,
  endedAt: 2_000,
};
const failure: Failure = {
  method: PLACE_ORDER,
  through: "edge",
  status: "UNAVAILABLE",
  message: "",
  startedAt: 990,
  endedAt: 1_010,
};

function explanationOf(changed: Partial<Failure>, happening: Happening = kill): string | undefined {
  return judge([{ ...failure, ...changed }], [happening])[0]?.explainedBy;
}

test("a call that may not be repeated is explained by a kill of its service while it was under way", () => {
  assert.equal(explanationOf({}), "kill orders-v1-2");
  assert.equal(explanationOf({ startedAt: 2_000, endedAt: 2_010 }), "kill orders-v1-2");
});

test("nothing else explains a failure", () => {
  assert.equal(explanationOf({ method: "/shop.orders.v1.OrderService/GetOrder" }), undefined);
  assert.equal(explanationOf({ method: "/shop.catalog.v1.CatalogService/ChangePrice" }), undefined);
  assert.equal(explanationOf({ status: "DEADLINE_EXCEEDED" }), undefined);
  assert.equal(explanationOf({ startedAt: 980, endedAt: 999 }), undefined);
  assert.equal(explanationOf({ startedAt: 2_001, endedAt: 2_010 }), undefined);
  for (const kind of ["drain", "return", "weights", "certificate"] as const) {
    assert.equal(explanationOf({}, { ...kill, kind }), undefined, kind);
  }
});

test("a failure tells everything that was under way", () => {
  const drain: Happening = { ...kill, what: "drain orders", kind: "drain" };
  assert.deepEqual(judge([failure], [kill, drain])[0]?.during, ["kill orders-v1-2", "drain orders"]);
  assert.deepEqual(judge([{ ...failure, endedAt: 995 }], [kill, drain])[0]?.during, []);
});
