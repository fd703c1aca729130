/** Brings back what a runner that was killed left changed: weights first, then its versions go, and its result says how it ended. */
import { stepsBack } from "@row/mesh/experiments/run/bring-back.ts";
import { doing } from "@row/mesh/experiments/run/phase.ts";
import type { RunEnd, RunRecord } from "@row/mesh/experiments/run/run-record.ts";
import { messageOf } from "@row/topology/row-error.ts";
import { movesThrough } from "../sidecars/moves.ts";
import type { AskMesh } from "../sidecars/requests.ts";
import { conclude, endCounts } from "./journal.ts";
import { leftRuns, runFiles, writeRecord } from "./runs.ts";

/** Answers the record of the run, which is over. May be begun again where it was cut off. */
export async function bringBackRun(
  stateDir: string,
  record: RunRecord,
  by: RunEnd["by"],
  ask: AskMesh,
): Promise<RunRecord> {
  const stage = movesThrough(ask);
  // By how far its runner came, wherever an earlier way back was cut off.
  for (const { act } of stepsBack(record)) await act(stage);
  const files = runFiles(stateDir, record.run);
  endCounts(files, `its runner ended without a word while it was at this: ${doing(record.phase)}`);
  const { verdict } = conclude(files);
  // Before it writes its result it has carried out the verdict: that stands.
  const stands = record.phase === "conclude" ? verdict : undefined;
  const ended: RunEnd = {
    time: new Date().toISOString(),
    outcome: stands?.outcome ?? "aborted",
    by,
    sentence: stands?.sentence ?? "Its runner ended without a word; the weights are those of before",
  };
  const over: RunRecord = { ...record, phase: "over", ended };
  writeRecord(stateDir, over);
  return over;
}

/** All that is left of this shop's runs, when it starts. Says what was done, and what could not be. */
export async function bringBackLeftovers(
  stateDir: string,
  ask: AskMesh,
  report: (text: string) => void,
): Promise<void> {
  for (const record of leftRuns(stateDir)) {
    try {
      await bringBackRun(stateDir, record, "start of the shop", ask);
      report(`experiment ${record.run}: the weights of before are back, its versions are gone`);
    } catch (error) {
      report(`experiment ${record.run} could not be brought back: ${messageOf(error)}`);
    }
  }
}
