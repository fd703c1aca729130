import assert from "node:assert/strict";
import type { Reason } from "@row/gen/reasons.ts";
import fc from "fast-check";
import { test } from "vitest";
import { DomainError, type ErrorKind } from "../domain-error.ts";
import { fittingFacts, fittingMessage, fittingViolations } from "./error-size.ts";
import { toAnswer } from "./status.ts";

/** Longer than any that the contracts have by now. */
const LONG_REASON = "A_REASON_OF_SOME_LENGTH_AS_THE_CONTRACTS_HAVE" as Reason;
const LONGER_REASON = "R".repeat(60) as Reason;

for (const unit of ["grapheme-ascii", "binary"] as const) {
  test(`an error takes at most 4 KiB of its call's trailers, whatever it says in ${unit}`, () => {
    const text = fc.string({ unit, maxLength: 3_000 });
    const violation = fc.record({ field: text, description: text });
    const facts = fc.dictionary(text, text, { maxKeys: 20 });
    const kind = fc.constantFrom<ErrorKind>("invalid", "forbidden", "dependency");
    fc.assert(
      fc.property(kind, text, facts, fc.array(violation, { maxLength: 100 }), (kind, message, facts, violations) => {
        const error = new DomainError(kind, LONG_REASON, message, {
          facts,
          violations,
        });
        const { status } = toAnswer(error, "test");
        const [details] = status.metadata.get("grpc-status-details-bin");
        assert.ok(Buffer.isBuffer(details));
        assert.ok(encodeURI(status.details).length + details.toString("base64").length <= 4_096);
      }),
      { numRuns: 100 },
    );
  });
}

test("the largest error that can be takes at most 4 KiB of its call's trailers", () => {
  const violations = Array.from({ length: 20 }, () => ({ field: "f".repeat(25), description: "d".repeat(30) }));
  const facts = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`f${String(index).padStart(2, "0")}`, "x".repeat(9)]),
  );
  for (const kind of ["invalid", "forbidden", "dependency"] as const) {
    const error = new DomainError(kind, LONGER_REASON, " ".repeat(400), { facts, violations });
    const { status } = toAnswer(error, "test");
    const [details] = status.metadata.get("grpc-status-details-bin");
    assert.ok(Buffer.isBuffer(details));
    const size = encodeURI(status.details).length + details.toString("base64").length;
    assert.ok(size > 3_000 && size <= 4_096, `${kind}: ${size}`);
  }
});

test("facts that are too long are left out whole: half of an id is another id", () => {
  const facts = { product_id: "p".repeat(36), note: "n".repeat(3_000), order_id: "o".repeat(36) };
  assert.deepEqual(fittingFacts(facts), { product_id: "p".repeat(36), order_id: "o".repeat(36) });
});

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
