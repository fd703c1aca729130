/** `row up`: starts a shop, in this terminal or in the background. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { type Installation, portBaseWarning } from "@row/laptop/installation.ts";
import type { Shop } from "@row/laptop/shop/shop.ts";
import type { Progress } from "@row/laptop/shop/shop-processes.ts";
import { logFile, prepareStateDir } from "@row/laptop/state-dir.ts";
import { findPrograms, programsFor } from "@row/laptop/stores/programs.ts";
import { AlreadyRunning, supervisorOf } from "@row/laptop/supervisor/lock.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { Command } from "commander";
import { listenForStop } from "../stop-signal.ts";
import { ProgressDisplay } from "./progress.ts";
import { welcome } from "./welcome.ts";

export function upCommand(here: () => Installation): Command {
  return new Command("up")
    .description("start everything and keep it running until Ctrl-C")
    .option("-d, --detach", "leave it running in the background once it is ready")
    .option("--no-mesh", "let services call each other directly, without sidecars")
    .action((options: UpFlags) => up(here(), options));
}

/** What a supervisor in the background tells the terminal that started it. */
type Report = { progress: Progress } | { ready: string } | { failed: string };

export interface UpFlags {
  detach?: boolean;
  mesh?: boolean;
  /** Whether services run from a bundle; they do unless told otherwise. */
  bundled?: boolean;
}

export async function up(installation: Installation, { detach, mesh = true, bundled = true }: UpFlags): Promise<void> {
  const { stateDir } = installation;
  const running = supervisorOf(stateDir);
  if (running) throw new AlreadyRunning(running.pid);
  const warning = portBaseWarning(installation);
  if (warning && !process.send) console.warn(warning);
  prepareStateDir(stateDir);
  const wanted = programsFor(discoverServices(installation.root));
  await findPrograms(wanted, { say: console.log, interactive: process.stdin.isTTY && process.stdout.isTTY });
  if (detach) return upInBackground(installation, mesh);
  await upHere(installation, mesh, bundled);
}

/** Runs a shop in this process until it is told to stop. Answers it for what wants to go on with it. */
async function upHere(installation: Installation, mesh: boolean, bundled: boolean): Promise<Shop> {
  const display = new ProgressDisplay();
  const tell = (report: Report) => process.send?.(report, undefined, undefined, () => {});
  const stopSignals = stopWhenAsked(display);
  try {
    // All of a shop's code, which the help can do without.
    const { startShop } = await import("@row/laptop/shop/shop.ts");
    const shop = await startShop({
      ...installation,
      mesh,
      bundled,
      signal: stopSignals.asked,
      report: (progress) => {
        display.show(progress);
        tell({ progress });
      },
    });
    stopSignals.shop = shop;
    if (stopSignals.asked.aborted) void shop.stop();
    const text = welcome(installation, shop.services, await shop.meshControl.about({}));
    display.line(text);
    tell({ ready: text });
    process.disconnect?.();
    void shop.whenStopped.then(() => {
      display.line("Stopped.");
      process.exit(0);
    });
    return shop;
  } catch (error) {
    display.clear();
    tell({ failed: messageOf(error) });
    throw error;
  }
}

function stopWhenAsked(display: ProgressDisplay): { asked: AbortSignal; shop?: Shop } {
  const { signal: asked } = listenForStop(
    () => {
      display.line("Stopping…");
      void state.shop?.stop();
    },
    () => {
      for (const { instance } of state.shop?.processes ?? []) state.shop?.kill(instance, "SIGKILL");
    },
  );
  const state: { asked: AbortSignal; shop?: Shop } = { asked };
  process.on("uncaughtException", async (error) => {
    console.error(`Unexpected: ${error.stack ?? error.message}`);
    await state.shop?.stop();
    process.exit(1);
  });
  return state;
}

function upInBackground({ stateDir }: Installation, mesh: boolean): Promise<void> {
  const log = openSync(logFile(stateDir, "row"), "a", 0o600);
  const args = [join(import.meta.dirname, "../main.ts"), "up", ...(mesh ? [] : ["--no-mesh"])];
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  const display = new ProgressDisplay();
  return new Promise((resolve, reject) => {
    const leave = (outcome: () => void) => {
      display.clear();
      if (child.connected) child.disconnect();
      child.unref();
      outcome();
    };
    child.on("message", (report: Report) => {
      if ("progress" in report) display.show(report.progress);
      else if ("failed" in report) leave(() => reject(new RowError(report.failed)));
      else
        leave(() => {
          display.line(`${report.ready}It runs in the background: stop it with \`npx row down\`.`);
          resolve();
        });
    });
    child.once("error", (error) => reject(new RowError(`Cannot start in the background: ${error.message}`)));
    child.once("exit", (code) => {
      leave(() =>
        reject(new RowError(`The shop stopped while starting (exit code ${code}): see ${logFile(stateDir, "row")}`)),
      );
    });
    // Ctrl-C here, before it is ready, ends the start as it would in the foreground.
    process.once("SIGINT", () => child.kill("SIGTERM"));
  });
}
