/** Whom a process believes how it is to misbehave, and that it follows a file however that is replaced. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import { readBehaviourFile } from "../src/behaviour/behaviour-file.ts";
import { injection } from "../src/behaviour/injection.ts";
import { startTelemetry } from "../src/telemetry/telemetry.ts";
import { eventually, log } from "./harness.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "row-behaviour-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, ...behaviours: string[]) =>
  writeFileSync(path, JSON.stringify({ behaviours, seed: "a seed" }), { mode: 0o600 });

test("a file is believed that its owner alone may write, and that others may not read", () => {
  const path = join(folder, "behaviour.json");
  assert.equal(readBehaviourFile(path), undefined);
  write(path, "errors=20%");
  for (const mode of [0o600, 0o400, 0o440]) {
    chmodSync(path, mode);
    assert.deepEqual(
      readBehaviourFile(path)?.behaviours.map(({ name }) => name),
      ["errors"],
    );
  }
  for (const mode of [0o660, 0o606, 0o604, 0o666]) {
    chmodSync(path, mode);
    assert.throws(() => readBehaviourFile(path), /must be a file of this user's, or root's/, mode.toString(8));
  }
});

test("what is no file of ours, or too long, is refused", () => {
  const path = join(folder, "behaviour.json");
  writeFileSync(path, "x".repeat(20_000), { mode: 0o600 });
  assert.throws(() => readBehaviourFile(path), /longer than/);
  mkdirSync(join(folder, "another"), { mode: 0o700 });
  assert.throws(() => readBehaviourFile(join(folder, "another")), /must be a file/);
});

// Kubernetes' AtomicWriter: every file is a link into ..data, which is a link that is replaced.
test("a Secret's file is followed when kubelet brings it, replaces it and takes it away", async () => {
  const path = join(folder, "behaviour.json");
  let generation = 0;
  const bring = (...behaviours: string[]) => {
    generation += 1;
    const data = join(folder, `..${generation}`);
    mkdirSync(data, { mode: 0o755 });
    write(join(data, "behaviour.json"), ...behaviours);
    symlinkSync(data, join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  };
  const telemetry = startTelemetry({ name: "catalog", version: "v2", instance: "catalog-v2-1", endpoint: undefined });
  const stop = injection.follow({ path, servedBy: "catalog/v2/catalog-v2-1", log, telemetry });
  const active = () => injection.active?.behaviours.map(({ text }) => text);
  try {
    assert.equal(active(), undefined);
    bring("errors=20%");
    symlinkSync("..data/behaviour.json", path);
    await eventually("it is brought", () => active()?.[0] === "errors=20%");
    bring("slow=10ms");
    await eventually("it is replaced", () => active()?.[0] === "slow=10ms");
    rmSync(path);
    await eventually("it is taken away", () => active() === undefined);
  } finally {
    stop();
    await telemetry.stop();
  }
});
