import { parseArgs } from "node:util";
import { FULL, QUICK } from "./plan.ts";
import { keep } from "./report/files.ts";
import { report } from "./report/report.ts";
import { failuresIn } from "./results.ts";
import { run } from "./run.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const plan = values.quick ? QUICK : FULL;
const startedAt = performance.now();
const elapsed = () => ((performance.now() - startedAt) / 1_000).toFixed(0);
const say = (text: string) => console.error(`${elapsed().padStart(4)} s  ${text}`);

class Interrupted extends Error {}

const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => reject(new Interrupted(signal)));
  setTimeout(
    () => reject(new Interrupted(`it takes longer than ${plan.limitSeconds} s`)),
    plan.limitSeconds * 1_000,
  ).unref();
});

try {
  const results = await run(plan, say, interrupted);
  console.log(report(results));
  if (plan.isFull) keep(results);
  const failures = failuresIn(results);
  if (failures.length > 0) console.error(`Requests failed:\n${failures.join("\n")}`);
  process.exit(failures.length > 0 ? 1 : 0);
} catch (error) {
  const why = error instanceof Interrupted ? error.message : error instanceof Error ? error.stack : error;
  console.error(`The bench ended early: ${why}`);
  process.exit(1);
}
