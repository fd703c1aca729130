/** The picture of a run: what it says of requests, shares and evidence, also without colours and on a small terminal. */
import assert from "node:assert/strict";
import type { SecondSeen } from "@row/mesh/experiments/run/stage.ts";
import { feed, newJudge } from "@row/mesh/judge/judge.ts";
import { summaryOf } from "@row/mesh/judge/summary.ts";
import type { TappedRequest } from "@row/mesh/observer/tap.ts";
import { RULE } from "@row/tests/harness/judge-rule.ts";
import { test } from "vitest";
import { frame } from "./frame.ts";
import { cellOf } from "./live-view.ts";
import { RequestGrid } from "./request-grid.ts";

const ARMS = { service: "catalog", stable: "v1", baseline: "v1-baseline", canary: "v2" };
const WEIGHTS = { stable: 80, baseline: 10, canary: 10 };
const plain = (_: unknown, text: string) => text;

test("each cell is a request: a letter for the version, a sign for how it ended", () => {
  const grid = new RequestGrid();
  grid.add({ arm: "stable", outcome: "well" });
  grid.add({ arm: "canary", outcome: "failed" });
  grid.add({ arm: "baseline", outcome: "refused" });
  grid.add({ outcome: "failed" });
  assert.deepEqual(grid.rows(80, 1, plain), ["s· C✕ b○ ?✕"]);
});

test("the newest requests stay, whole rows leave at the top", () => {
  const grid = new RequestGrid();
  for (let count = 0; count < 5; count += 1) grid.add({ arm: "stable", outcome: "well" });
  grid.add({ arm: "canary", outcome: "well" });
  grid.add({ arm: "canary", outcome: "failed" });
  assert.deepEqual(grid.rows(9, 2, plain), ["s· s· C·", "C✕"]);
});

test("shows what is asked of the split and seen of it, and how far the evidence is on its way", () => {
  const lines = frame(picture(), 100, 40, plain);
  const text = lines.join("\n");
  assert.match(text, /^errors-1: catalog v2 against v1-baseline, 1 s; it compares$/m);
  assert.match(text, /^v1 +80 % +80 %, 78\.2 % to 81\.7 % +1600$/m);
  assert.match(text, /^v2 +10 % +10 %, 8\.8 % to 11\.4 % +200$/m);
  assert.match(text, /^failures +10 %, 0 % +\[ *=* *\] [\d.e-]+ +\[ *=* *\] [\d.e-]+$/m);
  assert.match(text, /^GATE +CANARY, BASELINE +TO ROLL BACK \(20\) +TO PROMOTE \(20\)$/m);
});

test("fits the terminal, however small it is", () => {
  const lines = frame(picture(), 40, 12, plain);
  assert.ok(lines.length <= 12);
  for (const line of lines) assert.ok(line.length <= 40, line);
});

test("a request to the service is a cell of the version that it was sent to, what it calls itself is none", () => {
  const request = {
    direction: "outbound",
    service: "catalog",
    backend: "catalog-v2",
    grpcStatus: "OK",
  } as TappedRequest; // what is read of it
  assert.deepEqual(cellOf(request, ARMS), { arm: "canary", outcome: "well" });
  assert.deepEqual(cellOf({ ...request, backend: "catalog-v1-baseline", grpcStatus: "NOT_FOUND" }, ARMS), {
    arm: "baseline",
    outcome: "refused",
  });
  assert.deepEqual(cellOf({ ...request, backend: "", grpcStatus: "" }, ARMS), { outcome: "failed" });
  // What counts against a version, and what does not, is what the judge counts.
  assert.equal(cellOf({ ...request, grpcStatus: "PERMISSION_DENIED" }, ARMS)?.outcome, "failed");
  assert.equal(cellOf({ ...request, grpcStatus: "RESOURCE_EXHAUSTED" }, ARMS)?.outcome, "refused");
  assert.equal(cellOf({ ...request, service: "orders" }, ARMS), undefined);
});

function picture() {
  const counts = {
    second: 0,
    step: 0,
    requests: { stable: 160, baseline: 20, canary: 20 },
    metrics: {
      failures: [{ stratum: "GetProduct edge", baseline: { total: 20, failed: 0 }, canary: { total: 20, failed: 2 } }],
    },
  };
  const second: SecondSeen = { counts, weights: WEIGHTS, summary: summaryOf(RULE, feed(RULE, newJudge(RULE), counts)) };
  const requests = { stable: 1_600, baseline: 200, canary: 200 };
  return { run: "errors-1", arms: ARMS, doing: "compares", grid: new RequestGrid(), second, requests };
}
