import assert from "node:assert/strict";
import { test } from "vitest";
import { planDisturbances } from "./disturbance-plan.ts";

const services = ["auth", "catalog", "inventory", "orders", "payments"];

test("a seed repeats its plan, another has another", () => {
  const plan = planDisturbances({ seed: 7, seconds: 60, services });
  assert.deepEqual(planDisturbances({ seed: 7, seconds: 60, services }), plan);
  assert.notDeepEqual(planDisturbances({ seed: 8, seconds: 60, services }), plan);
});

test("every service loses an app, one a sidecar, and what is drained comes back, all in time and one after the other", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const { disturbances, weights } = planDisturbances({ seed, seconds: 60, services });
    const killed = disturbances.flatMap((one) => (one.kind === "kill" ? [one.process] : []));
    const apps = killed.filter((name) => /^\w+-v1-[12]$/.test(name)).map((name) => name.split("-")[0]);
    assert.deepEqual(apps.toSorted(), services);
    assert.equal(killed.filter((name) => /^\w+-v1-[12]-sidecar$/.test(name)).length, 1);
    const [drained, returned] = disturbances.slice(-2);
    assert.deepEqual([drained?.kind, returned?.kind], ["drain", "return"]);
    assert.equal(drained?.service, returned?.service);
    const times = disturbances.map(({ atMs }) => atMs);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.ok(times.every((atMs) => atMs > 0 && atMs < 58_000));
    assert.equal(weights.length, 60);
    assert.ok(weights.every(([first, other]) => first + other > 0));
  }
});

test("a sample kills fewer, in the time that it has", () => {
  const { disturbances } = planDisturbances({ seed: 1, seconds: 16, services, kills: 2 });
  assert.equal(disturbances.filter(({ kind }) => kind === "kill").length, 3);
  assert.ok(disturbances.every(({ atMs }) => atMs < 15_500));
});
