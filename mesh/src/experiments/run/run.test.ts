/** A run from its first change to its last one taken back, against a scripted shop: what it does in which order, and what it leaves. */
import assert from "node:assert/strict";
import { test } from "vitest";
import type { SecondCounts } from "../../judge/second-counts.ts";
import type { Experiment } from "../experiment.ts";
import type { Observed } from "./observation.ts";
import { doing, type Phase } from "./phase.ts";
import { runExperiment } from "./run.ts";
import { planRun, type Standing } from "./run-plan.ts";
import { RUN_FORMAT, type RunRecord } from "./run-record.ts";
import type { Stage } from "./stage.ts";

const BEFORE = [
  { route: "catalog-fast", rule: 0, weights: [{ version: "v1", weight: 1 }], isPinned: false },
  { route: "catalog-normal", rule: 0, weights: [{ version: "v1", weight: 1 }], isPinned: false },
];
const STANDING: Standing = {
  deployments: [{ version: "v1", replicas: 1 }],
  splits: BEFORE,
  pinned: [],
  behaviours: {},
};
const KNOWN = {
  name: "catalog",
  methods: ["GetProduct"],
  bugs: [],
  callsOthers: false,
  publishes: false,
  decidesOrders: false,
};
const EXPERIMENT: Experiment = {
  metadata: { name: "errors", namespace: "shop", labels: {}, annotations: {} },
  source: { file: "errors.yaml", line: 1 },
  spec: {
    service: "catalog",
    stable: { version: "v1" },
    canary: { version: "v2", behaviour: "errors=5%" },
    warmUpSeconds: 1,
    steps: [
      { weights: { stable: 80, baseline: 10, canary: 10 }, minRequests: 0, minSeconds: 2 },
      { weights: { stable: 0, baseline: 50, canary: 50 }, minRequests: 0, minSeconds: 0 },
    ],
    load: { mix: "read", rate: 100 },
    longestSeconds: 30,
    alpha: 0.05,
    beta: 0.05,
    gates: [{ metric: "failures", share: 1, riskRatio: 2, ceiling: 0.1, decides: true, methods: [] }],
  },
};
const BACK = ["restore", "undeploy v2", "undeploy v1-baseline", "stop the load"];

test("a harmful canary is rolled back: the weights of before return first, then both versions go", async () => {
  const { did, ended, counts } = await run({ failing: 20 });
  assert.deepEqual(did, [
    "deploy v1-baseline",
    "deploy v2 errors=5%",
    "load 100",
    "open v1-baseline-1 v2-1",
    "v1=80 v1-baseline=10 v2=10",
    ...BACK,
  ]);
  assert.deepEqual([ended?.outcome, ended?.by], ["rolled back", "runner"]);
  assert.deepEqual(ended?.sent, { requests: 1_500, failed: 3 }, "what the load saw");
  assert.match(ended?.sentence ?? "", /^Rolled back after 2 s by failures/);
  assert.equal(counts.length, 2);
});

test("a good canary goes through the steps, is promoted with all calls, and only the baseline goes", async () => {
  const { did, ended } = await run({ failing: 0 });
  assert.deepEqual(did.slice(4), [
    "v1=80 v1-baseline=10 v2=10",
    "v1=0 v1-baseline=50 v2=50",
    "v2=100 v1=0",
    "undeploy v1-baseline",
    "stop the load",
  ]);
  assert.equal(ended?.outcome, "promoted");
});

test("what happens while the first weights move follows no weights and is left out, but how versions started is not", async () => {
  const { counts } = await run({ failing: 20, start: { canary: { readyMs: 900, firstCallsMs: 3 } } });
  assert.deepEqual(counts[0]?.start, { canary: { readyMs: 900, firstCallsMs: 3 } });
  assert.equal(counts[1]?.start, undefined);
  assert.deepEqual(counts[0]?.requests, { stable: 160, baseline: 20, canary: 20 });
});

test("a load that queues while stable alone has it ends the run before the canary has a share", async () => {
  const { did, ended, verdict } = await run({ late: 7 });
  assert.deepEqual(did.slice(2), ["load 100", "undeploy v2", "undeploy v1-baseline", "stop the load"]);
  assert.equal(verdict, "load-not-reached");
  assert.match(
    ended?.sentence ?? "",
    /of 100 requests a second to stable alone about 50 were answered, and 7 had to wait/,
  );
});

test("what queued up while connections opened may be worked off first", async () => {
  const { ended } = await run({ failing: 0, late: 7, lateRounds: 2 });
  assert.equal(ended?.outcome, "promoted");
});

test("arrivals that wait while versions are compared are told to the judge", async () => {
  const { verdict } = await run({ lateFrom: 3 });
  assert.equal(verdict, "load-not-reached");
});

test("a canary that does not start makes the run inconclusive, with the reason, and nothing is left", async () => {
  const { did, ended, verdict } = await run({ refuse: "deploy v2" });
  assert.deepEqual(did.slice(1), ["deploy v2 errors=5%", "undeploy v2", "undeploy v1-baseline"]);
  assert.deepEqual([ended?.outcome, verdict], ["inconclusive", "failed"]);
  assert.match(ended?.sentence ?? "", /deploy v2 is refused/);
});

test("a run without a load measures nothing and judges the traffic that is there", async () => {
  const { load: _, ...spec } = EXPERIMENT.spec;
  const { did } = await run({ failing: 20 }, { ...EXPERIMENT, spec });
  assert.ok(!did.some((one) => one.includes("load")));
  assert.ok(did.includes("restore"));
});

test("looks that fail for a while are passed over, and for good they end the run", async () => {
  const passing = await run({ failing: 20, blind: 2 });
  assert.equal(passing.ended?.outcome, "rolled back");
  const blind = await run({ failing: 20, blind: 100 });
  assert.deepEqual([blind.ended?.outcome, blind.verdict], ["inconclusive", "failed"]);
  assert.deepEqual(blind.did.slice(-4), BACK);
});

test("somebody who ends it at any phase has everything back, and the record says that it was ended", async () => {
  const { phases } = await run({ failing: 0 });
  for (const phase of phases.slice(0, phases.lastIndexOf("compare") + 1)) {
    const { did, ended, verdict } = await run({ failing: 0, abortAt: phase });
    assert.deepEqual([ended?.outcome, verdict], ["aborted", "aborted"], phase);
    if (did.some((one) => one.startsWith("v1="))) assert.ok(did.includes("restore"), phase);
    if (did.some((one) => one.startsWith("deploy v2"))) assert.ok(did.includes("undeploy v2"), phase);
    assert.ok(did.includes("undeploy v1-baseline"), phase);
  }
});

test("each phase is written down before it changes anything, and says what it does", async () => {
  const { trail, phases } = await run({ failing: 0 });
  assert.deepEqual(trail.slice(0, 4), [
    "begin deploy-baseline",
    "deploy v1-baseline",
    "done deploy-baseline",
    "begin deploy-canary",
  ]);
  assert.ok(trail.indexOf("begin weigh-1") < trail.indexOf("v1=80 v1-baseline=10 v2=10"));
  assert.ok(trail.indexOf("begin promote") < trail.indexOf("v2=100 v1=0"));
  for (const phase of phases) assert.ok(doing(phase).length > 0, phase);
});

test("what cannot be brought back is said with the command that does, and the record stays open", async () => {
  const { failure, record, did } = await run({ failing: 20, refuse: "restore" });
  assert.match(failure ?? "", /restore is refused\. Bring it back with `npx row experiment abort errors-1`/);
  assert.equal(record.ended, undefined);
  assert.ok(did.includes("undeploy v2"), "the rest is brought back all the same");
});

test("a canary that cannot be given all calls is taken back, and the run says why", async () => {
  const { failure, record, did } = await run({ failing: 0, refuse: "v2=100" });
  assert.match(failure ?? "", /v2=100 is refused/);
  assert.deepEqual(did.slice(-5), ["v2=100 v1=0", ...BACK]);
  assert.equal(record.ended, undefined);
});

test("a run is refused while stable does not have all calls, or does not run, or a name is taken", () => {
  const weights = [
    { version: "v1", weight: 90 },
    { version: "v2", weight: 10 },
  ];
  const refused = (standing: Partial<Standing>, message: RegExp) =>
    assert.throws(() => planRun(EXPERIMENT, KNOWN, { ...STANDING, ...standing }), message);
  const [first] = BEFORE;
  assert.ok(first);
  refused({ splits: [{ ...first, weights }] }, /calls to catalog are shared, v1=90 v2=10 in catalog-fast/);
  refused({ splits: [{ ...first, weights: [{ version: "v3", weight: 1 }] }] }, /calls to catalog are shared, v3=1/);
  refused({ deployments: [{ version: "v1", replicas: 0 }] }, /spec\.stable\.version: catalog v1 does not run/);
  refused({ deployments: [...STANDING.deployments, { version: "v2", replicas: 1 }] }, /catalog v2 is deployed already/);
  refused({ pinned: [{ ...first, weights: [{ version: "v2", weight: 1 }] }] }, /sends marked calls to v2/);
});

test("the baseline is what stable is: its code, and whatever it misbehaves by", () => {
  const { baseline } = planRun(EXPERIMENT, KNOWN, {
    ...STANDING,
    deployments: [{ version: "v1", replicas: 2, asked: "main" }],
    behaviours: { v1: ["errors=1%"] },
  });
  assert.deepEqual(baseline, { service: "catalog", version: "v1-baseline", behaviours: ["errors=1%"], from: "main" });
});

interface Script {
  /** Of twenty requests of the canary a second. */
  readonly failing?: number;
  readonly start?: Observed["start"];
  readonly late?: number;
  /** How often before the comparison arrivals are late; always when absent. */
  readonly lateRounds?: number;
  /** From this second of the comparison on. */
  readonly lateFrom?: number;
  /** What is refused. */
  readonly refuse?: string;
  /** As many looks fail, after the first. */
  readonly blind?: number;
  readonly abortAt?: Phase;
}

async function run(script: Script, experiment = EXPERIMENT) {
  const trail: string[] = [];
  const phases: Phase[] = [];
  const counts: SecondCounts[] = [];
  const stop = new AbortController();
  const plan = planRun(experiment, KNOWN, STANDING);
  let record: RunRecord = {
    format: RUN_FORMAT,
    run: "errors-1",
    experiment: "errors",
    arms: plan.arms,
    configuration: experiment.spec,
    stableBehaviours: [],
    startedTime: "2026-11-30T09:00:00.000Z",
    runner: { pid: 1, started: "x" },
    phase: "prepare",
    before: plan.before,
  };
  let reason: string | undefined;
  const running = runExperiment(
    plan,
    record,
    stageOf(script, trail),
    {
      begin: (next) => {
        record = next;
        phases.push(next.phase);
        trail.push(`begin ${next.phase}`);
        if (next.phase === script.abortAt) stop.abort(new Error("somebody ended it"));
      },
      done: (phase) => trail.push(`done ${phase}`),
      counts: (second) => counts.push(second),
      conclude: () => {},
    },
    {
      signal: stop.signal,
      now: () => "2026-11-30T09:10:00.000Z",
      onSecond: ({ summary }) => {
        reason = summary.verdict?.reason;
      },
    },
  );
  const failure = await running.then(
    () => undefined,
    (error: Error) => error.message,
  );
  const did = trail.filter((one) => !/^(begin|done) /.test(one));
  return { did, trail, phases, counts, record, ended: record.ended, verdict: reason, failure };
}

function stageOf(script: Script, trail: string[]): Stage {
  const { failing = 0, late = 0, lateFrom = Number.POSITIVE_INFINITY } = script;
  const act = async (what: string) => {
    trail.push(what);
    if (script.refuse !== undefined && what.startsWith(script.refuse)) throw new Error(`${script.refuse} is refused`);
  };
  let looks = 0;
  let asked = 0;
  const observation = {
    look: async (): Promise<Observed> => {
      looks += 1;
      if (looks > 1 && looks <= 1 + (script.blind ?? 0)) throw new Error("the observer does not answer");
      const isFirst = looks === 1;
      const requests = { stable: isFirst ? 300 : 160, baseline: isFirst ? 0 : 20, canary: isFirst ? 0 : 20 };
      const window = { baseline: { total: 20, failed: 0 }, canary: { total: 20, failed: failing } };
      const metrics = { failures: [{ stratum: "GetProduct edge", ...window }] };
      return { requests, metrics, ...(isFirst && script.start && { start: script.start }) };
    },
    close: async () => {},
  };
  return {
    observatory: {
      thresholds: async () => ({}),
      open: async (_arms, _rule, _thresholds, { baseline, canary }) => {
        await act(`open ${[...baseline, ...canary].join(" ")}`);
        return observation;
      },
    },
    deploy: async ({ version, behaviours }) => {
      await act(["deploy", version, ...behaviours].join(" "));
      return [`${version}-1`];
    },
    undeploy: (_service, version) => act(`undeploy ${version}`),
    weigh: (_service, weights) =>
      act(
        Object.entries(weights)
          .map(([version, weight]) => `${version}=${weight}`)
          .join(" "),
      ),
    restore: () => act("restore"),
    startLoad: async ({ rate }) => {
      await act(`load ${rate}`);
      return {
        sinceLast: () => {
          asked += 1;
          const isLate = asked <= 1 + (script.lateRounds ?? Number.POSITIVE_INFINITY);
          return { late: looks > lateFrom ? 3 : isLate ? late : 0, waiting: 0 };
        },
        sent: () => ({ requests: 300 * asked, failed: 3 }),
        stop: () => act("stop the load"),
      };
    },
    startClock: () => {
      let second = -1;
      return {
        next: async () => {
          second += 1;
          return second;
        },
      };
    },
  };
}
