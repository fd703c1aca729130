import assert from "node:assert/strict";
import pg from "pg";
import { test } from "vitest";
import { delayOfTheSame, isGap, PATIENT_TRIES } from "./retry.ts";

const sqlState = (code: string) => Object.assign(new pg.DatabaseError("?", 0, "error"), { code });

test("an absent database excuses for however long, a statement that lost only so often", () => {
  for (const away of ["57P01", "57P03", "08006", "53300", "ECONNREFUSED"].map(sqlState)) {
    assert.deepEqual([delayOfTheSame(away, 1, 0), delayOfTheSame(away, 100_000, 0)], [1_000, 1_000], away.code);
  }
  for (const lost of ["40001", "40P01", "55P03", "57014"].map(sqlState)) {
    assert.deepEqual(
      [1, 2, PATIENT_TRIES, PATIENT_TRIES + 1].map((times) => delayOfTheSame(lost, times, PATIENT_TRIES)),
      [100, 200, 30_000, undefined],
      lost.code,
    );
  }
});

test("anything else is a failure, and a gap is neither", () => {
  for (const failure of [new Error("broken"), sqlState("23505"), sqlState("22P02"), sqlState("RWGAP"), "no error"]) {
    assert.equal(delayOfTheSame(failure, 1, PATIENT_TRIES), undefined);
  }
  assert.deepEqual([isGap(sqlState("RWGAP")), isGap(sqlState("40001"))], [true, false]);
});
