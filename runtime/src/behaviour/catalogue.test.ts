import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { describeCatalogue, InvalidBehaviour, parseBehaviour } from "./catalogue.ts";
import { seededRandom } from "./seeded-random.ts";

test("a behaviour is read with its values from the left, the others as the catalogue has them", () => {
  const read = (text: string) => {
    const { text: written, ...values } = parseBehaviour(text);
    assert.equal(written, text);
    return values;
  };
  const methods: string[] = [];
  assert.deepEqual(read("good"), { name: "good", methods });
  assert.deepEqual(read("errors"), { name: "errors", share: 0.2, status: "INTERNAL", methods });
  assert.deepEqual(read("errors=0.5%:UNAVAILABLE@GetProduct,ListProducts"), {
    ...{ name: "errors", share: 0.005, status: "UNAVAILABLE", methods: ["GetProduct", "ListProducts"] },
  });
  assert.deepEqual(read("slow=50ms"), { name: "slow", delayMs: 50, methods });
  assert.deepEqual(read("slow-tail=1%:1.5s"), { name: "slow-tail", share: 0.01, delayMs: 1_500, methods });
  assert.deepEqual(read("leak=60MB:200MB"), { name: "leak", bytesPerMinute: 60e6, mostBytes: 200e6, methods });
  assert.deepEqual(read("slow-start=5s"), { name: "slow-start", readyMs: 5_000, delayMs: 300, calls: 100, methods });
  assert.deepEqual(read("retry-amplifier=7"), { name: "retry-amplifier", times: 7, methods });
  assert.deepEqual(read("business-bug=keeps-stock:100%"), {
    name: "business-bug",
    bug: "keeps-stock",
    share: 1,
    methods,
  });
});

test("what means nothing is refused with what would", () => {
  const refused: [text: string, why: RegExp][] = [
    ["erors=20%", /there is no "erors", there are good, errors, slow, slow-tail/],
    ["", /there is no ""/],
    ["errors=0%", /"0%" must be a share above 0% and up to 100%, such as 20%/],
    ["errors=101%", /"101%" must be a share/],
    ["errors=20", /"20" must be a share/],
    ["errors=20%:OK", /"OK" must be one of CANCELLED, /],
    ["errors=20%:INTERNAL:x", /errors takes 2 values at most/],
    ["errors=20%@getProduct", /"getProduct" is no name of a method such as GetProduct/],
    ["slow=50", /"50" must be a duration up to 60s, such as 50ms or 2s/],
    ["slow=61s", /"61s" must be a duration/],
    ["leak=60MB:2000MB", /"2000MB" must be a size up to 1000MB/],
    ["retry-amplifier=1", /"1" must be a whole number from 2 to 50/],
    ["leak@GetProduct", /leak cannot be kept to methods/],
    ["good=1", /good takes no value/],
  ];
  for (const [text, message] of refused) {
    assert.throws(
      () => parseBehaviour(text),
      (error) => {
        assert.ok(error instanceof InvalidBehaviour, text);
        assert.match(error.message, /^Cannot take the behaviour "/);
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test("whatever is typed is read or refused, and what help shows is read", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        assert.equal(parseBehaviour(text).text, text);
      } catch (error) {
        assert.ok(error instanceof InvalidBehaviour);
      }
    }),
  );
  for (const { syntax } of describeCatalogue()) parseBehaviour(syntax.replace("[@Method,…]", ""));
});

test("random decisions are the same for a seed, others for another, and a share of them is that share", () => {
  const draws = (seed: string, count: number) => {
    const random = seededRandom(seed);
    return Array.from({ length: count }, random);
  };
  assert.deepEqual(draws("a", 50), draws("a", 50));
  assert.notDeepEqual(draws("a", 50), draws("b", 50));
  const numbers = draws("any", 100_000);
  assert.ok(numbers.every((number) => number >= 0 && number < 1));
  for (const share of [0.01, 0.2, 0.5, 0.9]) {
    const drawn = numbers.filter((number) => number < share).length / numbers.length;
    // Five standard deviations.
    assert.ok(Math.abs(drawn - share) < 5 * Math.sqrt((share * (1 - share)) / numbers.length), `${share}: ${drawn}`);
  }
});
