/** `row stop`, `start`, `restart`, `kill`, `pause` and `resume`: breaks the running shop by hand, and mends it. */
import { constants } from "node:os";
import type { Installation } from "@row/laptop/installation.ts";
import { askProcess } from "@row/laptop/supervisor/control-client.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import type { Target } from "../target.ts";

type Here = () => Installation;

const NAME = "a service, a store or an instance, such as orders, postgres or catalog-v2-1";
const LONGEST_PAUSE_SECONDS = 600;

export function stopCommand(here: Here): Command {
  return command("stop", "stop a process in an orderly way, and leave it stopped").action(async (name: string) => {
    for (const instance of await askProcess(here().stateDir, "stop", name)) {
      console.log(`${instance} is stopped: start it again with \`npx row start ${instance}\``);
    }
  });
}

export function startCommand(here: Here): Command {
  return command("start", "start what was stopped, and wait until it serves").action(async (name: string) => {
    for (const instance of await askProcess(here().stateDir, "start", name)) console.log(`${instance} serves`);
  });
}

export function restartCommand(target: () => Target): Command {
  return command(
    "restart",
    "start it anew, one instance after the other; another edge listens before the first ends",
  ).action(async (name: string) => {
    for (const instance of await target().restart(name)) console.log(`${instance} serves again`);
  });
}

export function killCommand(here: Here): Command {
  return command("kill", "end a process without a warning; the shop starts it again")
    .option("-s, --signal <name>", "send it this signal instead, such as SIGTERM", "SIGKILL")
    .action(async (name: string, options: { signal: string }) => {
      const signal = signalNamed(options.signal);
      for (const instance of await askProcess(here().stateDir, "kill", name, { signal })) {
        console.log(`${instance} got ${signal}`);
      }
    });
}

export function pauseCommand(here: Here): Command {
  return command("pause", "hold a process for a while: it keeps its connections, and neither hears nor answers")
    .option("-t, --for <seconds>", `how long; at most ${LONGEST_PAUSE_SECONDS}`, "10")
    .addHelpText("after", "\nA store that does no work for 30 seconds is started again, whether it is held or hangs.")
    .action(async (name: string, options: { for: string }) => {
      const seconds = Number(options.for);
      if (!(seconds > 0 && seconds <= LONGEST_PAUSE_SECONDS)) {
        throw new RowError(
          `Cannot pause ${name} for ${options.for} seconds: give a number up to ${LONGEST_PAUSE_SECONDS}`,
        );
      }
      for (const instance of await askProcess(here().stateDir, "pause", name, { ms: seconds * 1_000 })) {
        console.log(`${instance} is held for ${seconds} s: end that with \`npx row resume ${instance}\``);
      }
    });
}

export function resumeCommand(here: Here): Command {
  return command("resume", "let a process go on that is held").action(async (name: string) => {
    for (const instance of await askProcess(here().stateDir, "resume", name)) console.log(`${instance} goes on`);
  });
}

function command(name: string, description: string): Command {
  return new Command(name).description(description).argument("<name>", NAME);
}

/** "TERM" and "SIGTERM". */
function signalNamed(word: string): NodeJS.Signals {
  const upper = word.toUpperCase();
  const name = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  if (isSignal(name)) return name;
  throw new RowError(`Cannot send ${word}: there is no such signal`);
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}
