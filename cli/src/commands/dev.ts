/** `row dev`: services are restarted as their files change. */
import { existsSync, watch } from "node:fs";
import { join } from "node:path";
import type { Installation } from "@row/laptop/installation.ts";
import { askProcess } from "@row/laptop/supervisor/control-client.ts";
import { supervisorOf } from "@row/laptop/supervisor/lock.ts";
import { messageOf } from "@row/topology/row-error.ts";
import { discoverServices, type ServiceManifest, selectServices } from "@row/topology/service-manifest.ts";
import { Command } from "commander";
import { up } from "./up.ts";

export function devCommand(here: () => Installation): Command {
  return new Command("dev")
    .description("restart a service when its files, the runtime or the contracts change; starts the shop if none runs")
    .argument("[services...]", "the services to watch; all of them when none is named")
    .action((names: string[]) => dev(here(), names));
}

/** Restarts services as their files change, in the shop that runs or in one started here. */
export async function dev(installation: Installation, names: string[]): Promise<void> {
  const services = selectServices(discoverServices(installation.root), names.length > 0 ? names : undefined);
  if (!supervisorOf(installation.stateDir)) await up(installation, { bundled: false });
  const restarter = new Restarter((name) => askProcess(installation.stateDir, "restart", name));
  for (const service of services) watchFolder(join(service.folder, "src"), () => restarter.due([service]));
  for (const shared of ["runtime/src", "gen"]) {
    watchFolder(join(installation.root, shared), () => restarter.due(services));
  }
  console.log(`Watching ${services.map(({ name }) => name).join(", ")}`);
}

const QUIET_MS = 150;

/** Gathers changes until the files are quiet, then restarts what they touch, one service at a time. */
class Restarter {
  readonly #restart: (name: string) => Promise<unknown>;
  readonly #due = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #busy: Promise<void> = Promise.resolve();

  constructor(restart: (name: string) => Promise<unknown>) {
    this.#restart = restart;
  }

  due(services: ServiceManifest[]): void {
    for (const { name } of services) this.#due.add(name);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#busy = this.#busy.then(() => this.#run());
    }, QUIET_MS);
  }

  async #run(): Promise<void> {
    const names = [...this.#due];
    this.#due.clear();
    for (const name of names) {
      try {
        await this.#restart(name);
        console.log(`${name} restarted`);
      } catch (error) {
        console.log(messageOf(error));
      }
    }
  }
}

function watchFolder(folder: string, changed: () => void): void {
  if (!existsSync(folder)) return;
  watch(folder, { recursive: true }, (_event, file) => {
    if (!file?.endsWith(".test.ts")) changed();
  });
}
