import { parseArgs } from "node:util";
import { FULL, QUICK } from "./plan.ts";
import { keep } from "./report/files.ts";
import { report } from "./report/report.ts";
import { failuresIn } from "./results.ts";
import { run } from "./run.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const plan = values.quick ? QUICK : FULL;
const startedAt = performance.now();
const say = (text: string) =>
  console.error(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s  ${text}`);

// Ending this process ends the processes it has started.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
const limit = setTimeout(() => {
  console.error(`The bench is stopped after ${plan.limitSeconds} s`);
  process.exit(1);
}, plan.limitSeconds * 1_000);

const results = await run(plan, say);
clearTimeout(limit);
say("done");
console.log(report(results));
if (plan.isFull) keep(results);
const failures = failuresIn(results);
if (failures.length > 0) {
  console.error(`Requests failed:\n${failures.join("\n")}`);
  process.exitCode = 1;
}
