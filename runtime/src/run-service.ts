/** The only process lifecycle: configuration, dependencies, listen, drain on SIGTERM. */
import { setTimeout as sleep } from "node:timers/promises";
import { startAdmin } from "./admin.ts";
import { injection } from "./behaviour/injection.ts";
import { ConfigError } from "./config.ts";
import type { Host, Spec } from "./host.ts";
import { ServiceHost } from "./service-host.ts";
import { STOP_MS, stopInTime } from "./stop-in-time.ts";

/** Runs a service until SIGTERM or SIGINT, and exits: 0 after a clean drain, 1 with one clear line otherwise. */
export async function runService<S extends Spec>(options: {
  /** The folder's name. */
  name: string;
  /** The service's own variables. */
  variables: S;
  start(host: Host<S>): Promise<void>;
}): Promise<void> {
  const { name, variables, start } = options;
  try {
    const host = new ServiceHost(name, variables);
    await new Process(name, host).run(() => start(host));
  } catch (error) {
    fail(name, error);
  }
}

function fail(name: string, error: unknown): never {
  const isOurs = error instanceof ConfigError || (error instanceof Error && /^Cannot /.test(error.message));
  const message = error instanceof Error ? (isOurs ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`${name}: ${explain(error) ?? message}\n`);
  process.exit(1);
}

function explain(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  if (error.code === "EADDRINUSE") return `Cannot listen: ${error.message}`;
  return undefined;
}

/** What the lifecycle needs of what was built. */
type Built = Pick<
  ServiceHost<Spec>,
  "log" | "telemetry" | "processConfig" | "server" | "stopWork" | "flushEvents" | "close"
>;

class Process {
  readonly #name: string;
  readonly #built: Built;
  #isStopping = false;

  constructor(name: string, built: Built) {
    this.#name = name;
    this.#built = built;
  }

  async run(start: () => Promise<void>): Promise<void> {
    const { log, telemetry, processConfig } = this.#built;
    const { adminAddress, listenAddress, takesOver } = processConfig;
    const admin = await startAdmin(adminAddress, telemetry, { takesOver: takesOver === "yes" });
    let server: ReturnType<Built["server"]> | undefined;
    this.#onSignal(async () => {
      admin.setReady(false);
      server?.setServing?.(false);
      await stopInTime(log, {
        work: () => this.#built.stopWork(),
        calls: async (ms) => server?.drain(ms),
        events: (ms) => this.#built.flushEvents(ms),
        connections: async () => {
          await this.#built.close();
          await admin.close();
        },
      });
      log.info("stopped");
    });

    await start();
    server = this.#built.server();
    await server.listen();
    if (injection.active) await sleep(injection.active.readyDelayMs);
    server.setServing?.(true);
    admin.setReady(true);
    log.info({ listen: listenAddress, admin: adminAddress }, "ready");
  }

  #onSignal(stop: () => Promise<void>): void {
    const onSignal = (signal: NodeJS.Signals) => {
      if (this.#isStopping) return;
      this.#isStopping = true;
      const { log } = this.#built;
      log.info({ signal }, "stopping");
      // Its own plan is shorter: this is for what does not even keep to that.
      setTimeout(() => {
        log.error("the stop took too long and is cut off");
        process.exit(1);
      }, STOP_MS).unref();
      stop().then(
        () => process.exit(0),
        (error: unknown) => fail(this.#name, error),
      );
    };
    process.once("SIGTERM", onSignal);
    process.once("SIGINT", onSignal);
  }
}
