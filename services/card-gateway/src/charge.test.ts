import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { type Charge, type ChargeAct, type Decision, decide } from "./charge.ts";

const authorize = (token: string): ChargeAct => ({
  action: "authorize",
  reference: "o-1",
  amountMinor: "1250",
  currency: "EUR",
  token,
});
const step = (action: "capture" | "void" | "refund"): ChargeAct => ({ action, reference: "o-1" });

/** Plays the acts in turn and tells what each came to. */
function play(...acts: ChargeAct[]): { outcomes: string[]; charge: Charge | undefined } {
  let charge: Charge | undefined;
  const outcomes: string[] = [];
  for (const act of acts) {
    const decision: Decision = decide(charge, act, () => "ch_1");
    outcomes.push(decision.outcome);
    if (decision.outcome === "applied") charge = decision.charge;
  }
  return { outcomes, charge };
}

test("an authorized charge is captured once, and refunded once", () => {
  const { outcomes, charge } = play(
    authorize("tok_ok"),
    step("capture"),
    step("capture"),
    step("refund"),
    step("refund"),
  );
  assert.deepEqual(outcomes, ["applied", "applied", "unchanged", "applied", "unchanged"]);
  assert.deepEqual(charge, { id: "ch_1", status: "refunded", amountMinor: "1250", currency: "EUR" });
});

test("a void of a reference never seen refuses the authorization that arrives late", () => {
  const { outcomes, charge } = play(step("void"), authorize("tok_ok"), step("capture"));
  assert.deepEqual(outcomes, ["applied", "refused", "refused"]);
  assert.deepEqual(charge, { id: "ch_1", status: "voided" });
});

test("a captured charge cannot be voided, nor a voided one captured", () => {
  assert.equal(play(authorize("tok_ok"), step("capture"), step("void")).outcomes[2], "refused");
  assert.equal(play(authorize("tok_ok"), step("void"), step("capture")).outcomes[2], "refused");
});

test("only what was captured can be refunded", () => {
  assert.deepEqual(play(step("refund")).outcomes, ["refused"]);
  assert.deepEqual(play(authorize("tok_ok"), step("refund")).outcomes, ["applied", "refused"]);
});

test("each declining token has its own decline code", () => {
  assert.equal(play(authorize("tok_declined")).charge?.declineCode, "card_declined");
  assert.equal(play(authorize("tok_insufficient_funds")).charge?.declineCode, "insufficient_funds");
  assert.equal(play(authorize("tok_nonsense")).charge?.declineCode, "invalid_token");
  assert.equal(play(authorize("constructor")).charge?.declineCode, "invalid_token");
});

test("a second authorization of another amount is refused", () => {
  const other: ChargeAct = {
    action: "authorize",
    reference: "o-1",
    amountMinor: "1251",
    currency: "EUR",
    token: "tok_ok",
  };
  assert.deepEqual(play(authorize("tok_ok"), other).outcomes, ["applied", "refused"]);
  assert.deepEqual(play(authorize("tok_ok"), authorize("tok_ok")).outcomes, ["applied", "unchanged"]);
});

test("in any order of acts nobody is charged twice, nor charged once voided", () => {
  const anyAct = fc.constantFrom(authorize("tok_ok"), step("capture"), step("void"), step("refund"));
  fc.assert(
    fc.property(fc.array(anyAct, { maxLength: 12 }), (acts) => {
      const { outcomes } = play(...acts);
      const applied = acts.filter((_, index) => outcomes[index] === "applied").map((act) => act.action);
      assert.ok(applied.filter((action) => action === "capture").length <= 1);
      assert.ok(!(applied.includes("void") && applied.includes("capture")));
      if (applied.includes("refund")) assert.ok(applied.indexOf("capture") < applied.indexOf("refund"));
    }),
  );
});
