// Prometheus's own promtool over the alert rules, their unit tests, and metrics as every process shows them. It comes with Debian's package "prometheus"; where it is
// missing, one line says so and nothing fails.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { startTelemetry } from "@row/runtime/telemetry/telemetry.ts";

const root = join(import.meta.dirname, "..");
/** gRPC's status code. */
const OK = 0;
const rules = globSync("k8s/alerts/*.rules.yaml", { cwd: root }).sort();
const tests = globSync("k8s/alerts/tests/*.test.yaml", { cwd: root }).sort();

const { error } = spawnSync("promtool", ["--version"], { stdio: "ignore" });
if (error) {
  console.log('skipped: there is no promtool here; "apt-get install --no-install-recommends prometheus" brings it');
} else {
  if (rules.length === 0 || tests.length === 0) fail("Cannot check alerts: there are no rules, or no tests of them");
  promtool(["check", "rules", "--lint-fatal", ...rules]);
  promtool(["test", "rules", ...tests]);
  promtool(["check", "metrics"], await metricsOfAProcess());
}

/** What a process's /metrics says once each kind of thing that the runtime counts has happened; services' own are looked at in a test. */
async function metricsOfAProcess(): Promise<string> {
  const telemetry = startTelemetry({ name: "check", version: "v1", instance: "check-v1-1", endpoint: undefined });
  telemetry.serverDuration.record(0.02, "/shop.orders.v1.OrderService/GetOrder", OK);
  telemetry.clientDuration.record(0.02, "/shop.orders.v1.OrderService/GetOrder", OK);
  telemetry.requestDuration.record(0.02, "GET /v1/orders/{id}", 200);
  telemetry.eventDuration.record(0.02, "shop.orders.v1.OrderPlaced", "handled");
  return telemetry.metricsText();
}

function promtool(args: string[], input?: string): void {
  const { status: outcome } = spawnSync("promtool", args, {
    cwd: root,
    stdio: [input ? "pipe" : "ignore", "inherit", "inherit"],
    input,
  });
  if (outcome !== 0) fail(`promtool ${args[0]} ${args[1]} has found something: see above`);
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
