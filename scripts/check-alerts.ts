// Prometheus's own promtool over the alert rules and their unit tests. It comes with Debian's package "prometheus"; where it is
// missing, one line says so and nothing fails.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const rules = globSync("k8s/alerts/*.rules.yaml", { cwd: root }).sort();
const tests = globSync("k8s/alerts/tests/*.test.yaml", { cwd: root }).sort();

const { error } = spawnSync("promtool", ["--version"], { stdio: "ignore" });
if (error) {
  console.log('skipped: there is no promtool here; "apt-get install --no-install-recommends prometheus" brings it');
} else {
  if (rules.length === 0 || tests.length === 0) fail("Cannot check alerts: there are no rules, or no tests of them");
  promtool("check", "rules", "--lint-fatal", ...rules);
  promtool("test", "rules", ...tests);
}

function promtool(...args: string[]): void {
  const { status } = spawnSync("promtool", args, { cwd: root, stdio: "inherit" });
  if (status !== 0) fail(`promtool ${args[0]} ${args[1]} has found something: see above`);
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
