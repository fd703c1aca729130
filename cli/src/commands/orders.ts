/** `row orders`: the care of the orders service. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Installation } from "@row/laptop/installation.ts";
import { Secrets } from "@row/laptop/secrets.ts";
import { processEnvironment } from "@row/laptop/shop/service-process.ts";
import { askStatus } from "@row/laptop/supervisor/control-client.ts";
import { RowError } from "@row/topology/row-error.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { Command } from "commander";

export function ordersCommand(here: () => Installation): Command {
  const orders = new Command("orders").description("look after the orders service");
  orders
    .command("rebuild")
    .description("fold every order's events into a fresh view")
    .action(() => rebuild(here()));
  return orders;
}

/** Runs the orders service's own rebuild, with the environment the service has. */
export async function rebuild(installation: Installation): Promise<void> {
  await askStatus(installation.stateDir);
  const services = discoverServices(installation.root);
  const orders = services.find(({ name }) => name === "orders");
  const script = orders && join(orders.folder, "src/rebuild.ts");
  if (!orders || !script || !existsSync(script))
    throw new RowError("There is no services/orders/src/rebuild.ts to run");
  const env = processEnvironment(orders, services, installation, new Secrets(installation.stateDir));
  const child = spawn(process.execPath, [script], { cwd: orders.folder, env, stdio: "inherit" });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
