import assert from "node:assert/strict";
import { test } from "vitest";
import { type Sample, Tally } from "./tally.ts";

const SAMPLE: Sample = {
  status: "200",
  isOk: true,
  servedBy: ["edge/v1", "catalog/v1"],
  ms: 2,
  waitedMs: 0,
};
const EMPTY_QUEUE = { waiting: 0, longestMs: 0 };

test("counts by status, and by version of every service on the way", () => {
  const tally = new Tally();
  tally.add(SAMPLE);
  tally.add({ ...SAMPLE, servedBy: ["edge/v1", "catalog/v2"] });
  tally.add({ ...SAMPLE, servedBy: ["edge/v1", "catalog/v2", "catalog/v2"], status: "503 UNAVAILABLE", isOk: false });
  const { requests, ok, failed, statuses, versions } = tally.counts(EMPTY_QUEUE);
  assert.deepEqual({ requests, ok, failed }, { requests: 3, ok: 2, failed: 1 });
  assert.deepEqual(statuses, { "200": 2, "503 UNAVAILABLE": 1 });
  assert.deepEqual(versions, {
    "edge/v1": { requests: 3, failed: 1 },
    "catalog/v1": { requests: 1, failed: 0 },
    "catalog/v2": { requests: 2, failed: 1 },
  });
});

test("versions come in the order of their names, whoever answered first", () => {
  const tally = new Tally();
  for (const version of ["catalog/v2", "catalog/v1"]) tally.add({ ...SAMPLE, servedBy: ["edge/v1", version] });
  assert.deepEqual(Object.keys(tally.counts(EMPTY_QUEUE).versions), ["catalog/v1", "catalog/v2", "edge/v1"]);
});

test("what left more than a second late is late, and what waits now counts for the longest wait", () => {
  const tally = new Tally();
  for (const waitedMs of [0, 1_000, 1_001]) tally.add({ ...SAMPLE, waitedMs });
  assert.deepEqual(tally.counts(EMPTY_QUEUE).backlog, { late: 1, longestMs: 1_001, waiting: 0 });
  assert.deepEqual(tally.counts({ waiting: 4, longestMs: 3_000 }).backlog, { late: 1, longestMs: 3_000, waiting: 4 });
});

test("names that a target makes up are bounded", () => {
  const tally = new Tally();
  for (let made = 0; made < 1_000; made += 1) {
    tally.add({ ...SAMPLE, status: `5${made}`, servedBy: [`catalog/v${made}`] });
  }
  const { statuses, versions } = tally.counts(EMPTY_QUEUE);
  assert.equal(Object.keys(statuses).length, 51);
  assert.equal(versions.others?.requests, 950);
});

test("a tally that was reset begins anew", () => {
  const tally = new Tally();
  tally.add({ ...SAMPLE, waitedMs: 2_000, isOk: false });
  tally.reset();
  assert.deepEqual(tally.counts(EMPTY_QUEUE), new Tally().counts(EMPTY_QUEUE));
});
