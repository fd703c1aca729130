/** The judge's verdicts: which input leads to which, and the sentence that says why. */
import assert from "node:assert/strict";
import { FAILURES, RULE as USUAL } from "@row/tests/harness/judge-rule.ts";
import fc from "fast-check";
import { test } from "vitest";
import { logE } from "./evidence.ts";
import { feed, type JudgeState, newJudge, stepDue } from "./judge.ts";
import type { JudgeRule } from "./rule.ts";
import type { SecondCounts, Stratum } from "./second-counts.ts";

const RULE: JudgeRule = {
  ...USUAL,
  invariants: { "order-total": "an order's total is the sum of its items" },
};

test("rolls back by the gate that saw the harm, and says both versions' numbers, the interval and an example", () => {
  const { verdict } = after(RULE, 60, (second) => ({
    metrics: { failures: [stratum(20, 0, 20, second % 2)] },
    ...(second % 2 === 1 && { examples: { failures: `trace ${second}` } }),
  }));
  assert.equal(verdict?.outcome, "rolled back");
  assert.equal(verdict?.gate, "failures");
  assert.match(
    verdict?.sentence ?? "",
    /^Rolled back after \d+ s by failures: failed requests of catalog v2 are \d+ of \d+ requests \(2\.\d\d %\) against 0 of \d+ requests \(0\.00 %\) of its baseline v1, at least [\d.]+ times as much \(95 % interval\); evidence \d+ where 20 is needed; for example trace 1$/,
  );
});

test("promotes a canary without failures after 405 requests by the ceiling", () => {
  const { verdict } = after(RULE, 60, () => ({ metrics: { failures: [stratum(20, 0, 20, 0)] } }));
  assert.deepEqual([verdict?.outcome, verdict?.afterSeconds], ["promoted", 21]);
  assert.match(
    verdict?.sentence ?? "",
    /^Promoted after 21 s: failures, the one gate to be sure, saw nothing 2 times as bad: failed requests of catalog v2 are 0 of 420 requests/,
  );
});

test("one failing window in six never promotes, whatever the line", () => {
  const failed = [0, 1, 2, 1, 0, 0];
  for (const beta of [0.01, 0.05, 0.2]) {
    const { verdict } = after({ ...RULE, beta, longestSeconds: 6 }, 6, (second) => ({
      metrics: { failures: [stratum(20, 0, 20, failed[second] ?? 0)] },
    }));
    assert.notEqual(verdict?.outcome, "promoted");
  }
});

test("nothing promotes a canary that gets no traffic", () => {
  const counts = fc.record({
    total: fc.integer({ min: 0, max: 5_000 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.array(counts, { minLength: 1, maxLength: 80 }),
      fc.constantFrom(undefined, 0.001, 0.01, 0.5),
      fc.constantFrom("proportion" as const, "rate" as const),
      fc.boolean(),
      (seconds, ceiling, kind, decides) => {
        const { ceiling: _, ...gate } = FAILURES;
        const rule = { ...RULE, gates: [{ ...gate, kind, decides, ...(ceiling !== undefined && { ceiling }) }] };
        const { verdict } = after(rule, seconds.length, (second) => {
          const { total, share } = seconds[second] ?? { total: 0, share: 0 };
          return {
            requests: { stable: 8 * total, baseline: total, canary: 0 },
            metrics: { failures: [stratum(total, Math.floor(total * share), 0, 0)] },
          };
        });
        assert.notEqual(verdict?.outcome, "promoted");
      },
    ),
  );
});

test("gates that only roll back never promote, alone or all of them", () => {
  const rule = { ...RULE, gates: [{ ...FAILURES, decides: false }] };
  const { verdict } = after(rule, 60, () => ({ metrics: { failures: [stratum(20, 0, 20, 0)] } }));
  assert.deepEqual([verdict?.outcome, verdict?.reason], ["inconclusive", "time-over"]);
  const { verdict: none } = after({ ...RULE, gates: [] }, 60, () => ({}));
  assert.equal(none?.outcome, "inconclusive");
});

test("a gate that only rolls back holds no promotion up", () => {
  const rule = {
    ...RULE,
    gates: [
      { ...FAILURES, share: 0.5 },
      { ...FAILURES, name: "dead-letters", share: 0.5, decides: false },
    ],
  };
  const { verdict } = after(rule, 60, () => ({ metrics: { failures: [stratum(20, 0, 20, 0)] } }));
  assert.deepEqual([verdict?.outcome, verdict?.gate], ["promoted", "failures"]);
});

test("promotion waits for the slowest of the gates that decide", () => {
  const rule = {
    ...RULE,
    gates: [
      { ...FAILURES, share: 0.5 },
      { ...FAILURES, name: "cancelled-orders", unit: "orders", share: 0.5 },
    ],
  };
  const { verdict } = after(rule, 60, () => ({
    metrics: { failures: [stratum(20, 0, 20, 0)], "cancelled-orders": [stratum(10, 0, 10, 0)] },
  }));
  assert.deepEqual([verdict?.gate, verdict?.afterSeconds], ["cancelled-orders", 41]);
  assert.match(verdict?.sentence ?? "", /cancelled-orders, the last of 2 gates to be sure/);
});

test("the evidence of several gates is weighed by their shares, and the one that has most is named", () => {
  const gates = ["failures", "latency-p50", "latency-p90", "latency-p99", "calls"].map((name) => ({
    ...FAILURES,
    name,
    share: 0.2,
  }));
  const bad = () => ({ metrics: { failures: [stratum(20, 0, 20, 0)], "latency-p99": [stratum(20, 0, 20, 1)] } });
  const alone = after({ ...RULE, gates: [FAILURES] }, 60, () => ({ metrics: { failures: [stratum(20, 0, 20, 1)] } }));
  const ofFive = after({ ...RULE, gates }, 60, bad);
  assert.deepEqual([ofFive.verdict?.outcome, ofFive.verdict?.gate], ["rolled back", "latency-p99"]);
  assert.ok((ofFive.verdict?.afterSeconds ?? 0) > (alone.verdict?.afterSeconds ?? 0));
});

test("of several gates that would each have been enough, the first in the rule's order is named, not the most surprising", () => {
  const gates = ["latency-p50", "latency-p99"].map((name) => ({ ...FAILURES, name, share: 0.5 }));
  const { verdict } = after({ ...RULE, gates }, 1, () => ({
    metrics: { "latency-p50": [stratum(50, 25, 50, 50)], "latency-p99": [stratum(50, 0, 50, 50)] },
  }));
  assert.deepEqual([verdict?.outcome, verdict?.gate], ["rolled back", "latency-p50"]);
});

test("the first broken invariant rolls back, also while versions warm up, and names the order", () => {
  const { verdict } = after({ ...RULE, warmUpSeconds: 10 }, 5, (second) => ({
    violations: second === 3 ? [{ invariant: "order-total", example: "order 7: total 12.90, items 25.80" }] : [],
  }));
  assert.deepEqual(verdict, {
    outcome: "rolled back",
    reason: "invariant",
    gate: "order-total",
    sentence:
      'Rolled back after 4 s by order-total: catalog v2 broke "an order\'s total is the sum of its items", and once is enough; for example order 7: total 12.90, items 25.80',
    example: "order 7: total 12.90, items 25.80",
    afterSeconds: 4,
  });
});

test("what happens while versions warm up is no evidence", () => {
  const failing = (second: number) => ({ metrics: { failures: [stratum(20, 0, 20, second < 10 ? 20 : 0)] } });
  assert.equal(after({ ...RULE, warmUpSeconds: 10 }, 60, failing).verdict?.outcome, "promoted");
  assert.equal(after(RULE, 60, failing).verdict?.outcome, "rolled back");
});

test("without traffic to the canary it is inconclusive at the deadline, and not before", () => {
  const idle = () => ({ requests: { stable: 0, baseline: 0, canary: 0 } });
  assert.equal(after(RULE, 59, idle).verdict, undefined);
  const { verdict } = after(RULE, 60, idle);
  assert.deepEqual(
    [verdict?.outcome, verdict?.reason, verdict?.sentence],
    ["inconclusive", "no-traffic", "Inconclusive after 60 s: no traffic reached catalog v2"],
  );
});

test("with too little traffic it says how much there was and how much it takes", () => {
  const { verdict } = after(RULE, 60, () => ({ metrics: { failures: [stratum(2, 0, 2, 0)] } }));
  assert.equal(verdict?.reason, "too-little-traffic");
  assert.match(verdict?.sentence ?? "", /failures saw 240 requests of both versions and needs about [\d,]+$/);
});

test("where there was traffic and no certainty, the time is over and the numbers are said", () => {
  const { verdict } = after({ ...RULE, gates: [{ ...FAILURES, riskRatio: 1.25, ceiling: 0.06 }] }, 60, () => ({
    metrics: { failures: [stratum(100, 5, 100, 6)] },
  }));
  assert.equal(verdict?.reason, "time-over");
  assert.match(verdict?.sentence ?? "", /^Inconclusive after 60 s: the time was over while failures was not sure: /);
});

test("requests that do not follow the weights make it inconclusive", () => {
  const { verdict } = after(RULE, 60, () => ({ requests: { stable: 185, baseline: 10, canary: 5 } }));
  assert.equal(verdict?.reason, "split-not-as-requested");
  assert.match(
    verdict?.sentence ?? "",
    /^Inconclusive after \d+ s: the split of catalog is not as requested: stable, baseline and canary got [\d/]+ requests under the weights 80\/10\/10;/,
  );
});

test("requests at a version of weight 0 make it inconclusive, a few that were under way do not", () => {
  const steps = [{ weights: { stable: 0, baseline: 50, canary: 50 }, minRequests: 0, minSeconds: 50 }];
  const stray = (stable: number) => () => ({ requests: { stable, baseline: 100, canary: 100 } });
  assert.equal(after({ ...RULE, steps }, 40, stray(1)).verdict, undefined);
  assert.equal(after({ ...RULE, steps }, 40, stray(10)).verdict?.reason, "split-not-as-requested");
});

test("each step's requests are held against its own weights", () => {
  const steps = [
    { weights: { stable: 80, baseline: 10, canary: 10 }, minRequests: 0, minSeconds: 30 },
    { weights: { stable: 0, baseline: 50, canary: 50 }, minRequests: 0, minSeconds: 100 },
  ];
  const shared = (second: number) =>
    second < 30 ? { stable: 160, baseline: 20, canary: 20 } : { stable: 0, baseline: 100, canary: 100 };
  const seen = after({ ...RULE, steps }, 59, (second) => ({ step: second < 30 ? 0 : 1, requests: shared(second) }));
  assert.equal(seen.verdict, undefined);
});

test("arrivals that had to wait for more than a second make it inconclusive", () => {
  const { verdict } = after(RULE, 10, (second) => ({ lateArrivals: second === 5 ? 3 : 0 }));
  assert.deepEqual([verdict?.reason, verdict?.afterSeconds], ["load-not-reached", 6]);
});

test("a step is left when it had its time and its requests, and promotion waits for the last one's", () => {
  const steps = [
    { weights: { stable: 80, baseline: 10, canary: 10 }, minRequests: 100, minSeconds: 10 },
    { weights: { stable: 0, baseline: 50, canary: 50 }, minRequests: 0, minSeconds: 25 },
  ];
  const rule = { ...RULE, steps };
  let state = newJudge(rule);
  const moves: number[] = [];
  for (let second = 0; !state.verdict; second += 1) {
    const step = stepDue(rule, state);
    if (step !== state.step.index) moves.push(second);
    const requests = step === 0 ? { stable: 80, baseline: 10, canary: 10 } : { stable: 0, baseline: 50, canary: 50 };
    state = feed(rule, state, { second, step, requests, metrics: { failures: [stratum(50, 0, 50, 0)] } });
  }
  assert.deepEqual(moves, [10]);
  assert.deepEqual([state.verdict.outcome, state.verdict.afterSeconds], ["promoted", 35]);
});

test("a heap that grows faster than the baseline's in both halves rolls back", () => {
  const rule = { ...RULE, gates: [], longestSeconds: 200, memory: { megabytesPerMinute: 10 } };
  const growing = (perMinute: number) => (second: number) => ({
    heapBytes: { baseline: 50e6 + second * 1e5, canary: 50e6 + second * (1e5 + (perMinute / 60) * 1e6) },
  });
  const { verdict } = after(rule, 200, growing(12));
  assert.deepEqual([verdict?.outcome, verdict?.gate, verdict?.afterSeconds], ["rolled back", "memory", 61]);
  assert.match(verdict?.sentence ?? "", /its heap grows by 18\.0 and 18\.0 MB\/min .* against 6\.0 and 6\.0 MB\/min/);
  assert.notEqual(after(rule, 200, growing(8)).verdict?.outcome, "rolled back");
});

test("a heap that jumps once, or grows at first only, is no leak", () => {
  const rule = { ...RULE, gates: [], longestSeconds: 200, memory: { megabytesPerMinute: 10 } };
  const jump = (second: number) => ({ heapBytes: { baseline: 50e6, canary: second < 40 ? 50e6 : 150e6 } });
  const warm = (second: number) => ({ heapBytes: { baseline: 50e6, canary: 50e6 + Math.min(second, 30) * 1e6 } });
  for (const shape of [jump, warm]) assert.equal(after(rule, 200, shape).verdict?.outcome, "inconclusive");
});

test("processor time per request beyond the limit rolls back, once there are enough requests", () => {
  const rule = { ...RULE, gates: [], cpu: { ratio: 1.5, minRequests: 1_000 } };
  const costly = (ratio: number) => () => ({
    requests: { stable: 800, baseline: 100, canary: 100 },
    cpuSeconds: { baseline: 0.1, canary: 0.1 * ratio },
  });
  const { verdict } = after(rule, 60, costly(1.6));
  assert.deepEqual([verdict?.gate, verdict?.afterSeconds], ["cpu", 10]);
  assert.notEqual(after(rule, 60, costly(1.4)).verdict?.outcome, "rolled back");
});

test("a start that is slow against the baseline's own rolls back, by its time to ready or its first calls", () => {
  const rule = { ...RULE, start: { ratio: 2, readyMs: 1_000, callMs: 20 } };
  const started = (readyMs: number, firstCallsMs: number) => () => ({
    start: { baseline: { readyMs: 800, firstCallsMs: 10 }, canary: { readyMs, firstCallsMs } },
  });
  assert.match(after(rule, 1, started(5_000, 10)).verdict?.sentence ?? "", /ready after 5000 ms against 800 ms/);
  assert.match(after(rule, 1, started(800, 200)).verdict?.sentence ?? "", /first 100 calls took 200\.0 ms/);
  assert.equal(after(rule, 1, started(1_700, 25)).verdict, undefined);
});

test("the state is a value: kept as JSON and read again, it goes on to the same verdict and evidence", () => {
  const counts = (second: number) => ({ metrics: { failures: [stratum(50, 1, 50, second % 3)] } });
  const whole = after(RULE, 60, counts);
  let resumed = newJudge(RULE);
  for (let second = 0; second < 60; second += 1) {
    resumed = feed(RULE, JSON.parse(JSON.stringify(resumed)), { ...BARE, second, ...counts(second) });
  }
  assert.deepEqual(resumed, whole);
});

test("a run that ended early is inconclusive for its own reason, unless what was seen before was enough", () => {
  const ended = { reason: "aborted", why: "somebody ended it" } as const;
  const early = after(RULE, 5, (second) => (second === 4 ? { ended } : {}));
  assert.deepEqual(early.verdict, {
    outcome: "inconclusive",
    reason: "aborted",
    sentence: "Inconclusive after 5 s: somebody ended it",
    afterSeconds: 5,
  });
  const harmful = after(RULE, 5, () => ({ metrics: { failures: [stratum(20, 0, 20, 20)] }, ended }));
  assert.equal(harmful.verdict?.outcome, "rolled back");
  const good = after(RULE, 60, () => ({ metrics: { failures: [stratum(20, 0, 400, 0)] }, ended }));
  assert.equal(good.verdict?.outcome, "inconclusive", "nothing is promoted by its end");
});

test("nothing that comes after the verdict changes anything", () => {
  const judged = after(RULE, 60, () => ({ metrics: { failures: [stratum(20, 0, 20, 0)] } }));
  const later = { ...BARE, second: 60, metrics: { failures: [stratum(20, 0, 20, 20)] } };
  assert.equal(feed(RULE, judged, later), judged);
});

test("seconds that come twice or backwards are refused", () => {
  const state = after(RULE, 3, () => ({}));
  assert.throws(() => feed(RULE, state, { ...BARE, second: 2 }), /Cannot judge second 2: the judge has seen 3/);
});

test("steps keep the evidence: nothing is forgotten when weights move", () => {
  const steps = [0, 1].map(() => ({
    weights: { stable: 80, baseline: 10, canary: 10 },
    minRequests: 0,
    minSeconds: 0,
  }));
  const counts = (second: number) => ({ metrics: { failures: [stratum(20, 0, 20, second === 3 ? 1 : 0)] } });
  const moving = after({ ...RULE, steps }, 12, (second) => ({ step: second < 6 ? 0 : 1, ...counts(second) }));
  const still = after(RULE, 12, counts);
  const evidence = [moving, still].map(({ evidence: { failures } }) => failures && logE(failures));
  assert.equal(evidence[0], evidence[1]);
});

const BARE: SecondCounts = { second: 0, step: 0, requests: { stable: 160, baseline: 20, canary: 20 }, metrics: {} };

/** What the judge knows after so many seconds. */
function after(rule: JudgeRule, seconds: number, counts: (second: number) => Partial<SecondCounts>): JudgeState {
  let state = newJudge(rule);
  for (let second = 0; second < seconds; second += 1) state = feed(rule, state, { ...BARE, second, ...counts(second) });
  return state;
}

function stratum(baselineTotal: number, baselineFailed: number, canaryTotal: number, canaryFailed: number): Stratum {
  return {
    stratum: "GetProduct by edge",
    baseline: { total: baselineTotal, failed: baselineFailed },
    canary: { total: canaryTotal, failed: canaryFailed },
  };
}
