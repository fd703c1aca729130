import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { DomainError } from "../domain-error.ts";
import { fittingMessage, fittingViolations } from "./error-size.ts";
import { toAnswer } from "./status.ts";

for (const [unit, limit] of [
  ["grapheme-ascii", 8_192],
  ["binary", 16_384],
] as const) {
  test(`an error fits into the trailers of a call, whatever it says in ${unit}`, () => {
    const text = fc.string({ unit, maxLength: 3_000 });
    const violation = fc.record({ field: text, description: text });
    fc.assert(
      fc.property(text, fc.array(violation, { maxLength: 100 }), (message, violations) => {
        const { status } = toAnswer(new DomainError("invalid", "INVALID_REQUEST", message, { violations }), "test");
        const [details] = status.metadata.get("grpc-status-details-bin");
        assert.ok(Buffer.isBuffer(details));
        assert.ok(encodeURI(status.details).length + details.toString("base64").length < limit);
      }),
      { numRuns: 100 },
    );
  });
}

test("a thousand wrong fields are named as far as there is room, and counted", () => {
  const wrong = Array.from({ length: 1_000 }, (_, index) => ({
    field: `ids[${index}]`,
    description: "must be a valid UUID",
  }));
  const { status } = toAnswer(
    new DomainError("invalid", "INVALID_REQUEST", wrong.map(({ field }) => field).join("; "), { violations: wrong }),
    "test",
  );
  assert.ok(status.details.length <= 300);
  const kept = fittingViolations(wrong);
  assert.deepEqual(kept.slice(0, -1), wrong.slice(0, 19));
  assert.deepEqual(kept.at(-1), { field: "ids[19]", description: "must be a valid UUID; 980 more are wrong" });
});

test("what is short stays as it is, and is cut between characters", () => {
  assert.equal(fittingMessage("Cannot: so"), "Cannot: so");
  assert.deepEqual(fittingViolations([]), []);
  const [first] = fittingViolations([{ field: "x", description: "🚢".repeat(300) }]);
  assert.equal(first?.description, `${"🚢".repeat(199)}…`);
  assert.equal(fittingMessage("a\ud800"), "a\ufffd");
});
