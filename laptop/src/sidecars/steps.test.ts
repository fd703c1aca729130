import assert from "node:assert/strict";
import { test } from "vitest";
import { inSteps, orAborted, type Step } from "./steps.ts";

const signal = new AbortController().signal;
const silent = { signal, report: () => {} };

/** Three steps, of which one may fail; notes what is done and taken back. */
function three(notes: string[], failing?: number, undoing?: number) {
  return async (step: Step) => {
    for (const number of [1, 2, 3]) {
      await step(
        () => {
          if (number === failing) throw new Error(`step ${number} fails`);
          notes.push(`do ${number}`);
        },
        () => {
          if (number === undoing) throw new Error("it cannot");
          notes.push(`undo ${number}`);
        },
      );
    }
    return "all";
  };
}

test("takes nothing back when every step is done", async () => {
  const notes: string[] = [];
  assert.equal(await inSteps(silent, three(notes)), "all");
  assert.deepEqual(notes, ["do 1", "do 2", "do 3"]);
});

test("takes back the step that failed, which may be half done, and those before it, the last first", async () => {
  const notes: string[] = [];
  await assert.rejects(inSteps(silent, three(notes, 3)), /^Error: step 3 fails$/);
  assert.deepEqual(notes, ["do 1", "do 2", "undo 3", "undo 2", "undo 1"]);
});

test("goes on taking back where one step cannot be, and says so; what failed first is what is answered", async () => {
  const [notes, reports]: string[][] = [[], []];
  const report = (text: string) => reports?.push(text);
  await assert.rejects(inSteps({ signal, report }, three(notes ?? [], 3, 2)), /step 3 fails/);
  assert.deepEqual(notes, ["do 1", "do 2", "undo 3", "undo 1"]);
  assert.deepEqual(reports, ["a change that failed is not taken back in full: it cannot"]);
});

test("begins no step once nobody waits for it, and takes back those that were done", async () => {
  const controller = new AbortController();
  const notes: string[] = [];
  const work = async (step: Step) => {
    await step(
      () => controller.abort(new Error("whoever asked is gone")),
      () => notes.push("undo"),
    );
    await step(() => notes.push("never"));
  };
  await assert.rejects(inSteps({ ...silent, signal: controller.signal }, work), /whoever asked is gone/);
  assert.deepEqual(notes, ["undo"]);
});

test("waits for what is under way only as long as somebody waits for it", async () => {
  const controller = new AbortController();
  const waiting = orAborted(new Promise(() => {}), controller.signal);
  controller.abort(new Error("gone"));
  await assert.rejects(waiting, /gone/);
  await assert.rejects(orAborted(Promise.resolve(1), controller.signal), /gone/);
  assert.equal(await orAborted(Promise.resolve(1), signal), 1);
});
