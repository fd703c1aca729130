import assert from "node:assert/strict";
import { test } from "vitest";
import { draw, isMix, MIXES, type MixName, needsCustomers, shareOf } from "./mixes.ts";
import { SeededRandom } from "./seeded-random.ts";

const NAMES = Object.keys(MIXES).filter(isMix);

test("the shares of each mix are hundredths of a whole", () => {
  for (const name of NAMES) {
    assert.equal(
      Object.values(MIXES[name]).reduce((sum, share) => sum + share, 0),
      100,
      name,
    );
  }
});

test("calls are drawn as often as their share says", () => {
  const random = new SeededRandom(11);
  const drawn = Array.from({ length: 20_000 }, () => draw("mixed", random));
  for (const [call, share] of Object.entries(MIXES.mixed)) {
    const seen = drawn.filter((one) => one === call).length / drawn.length;
    assert.ok(Math.abs(seen - share / 100) < 0.015, `${call}: ${seen}`);
  }
});

test("who only looks around needs no account, and places no order", () => {
  assert.equal(needsCustomers("read"), false);
  assert.equal(shareOf("read", "place order"), 0);
  assert.deepEqual(
    (["mixed", "order"] satisfies MixName[]).map((name) => [needsCustomers(name), shareOf(name, "place order")]),
    [
      [true, 0.05],
      [true, 0.8],
    ],
  );
});

test("a mix that is none is told from one", () => {
  assert.equal(isMix("mixed"), true);
  assert.equal(isMix("toString"), false);
});
