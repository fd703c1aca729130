/** Every command, by the groups of the help and in their order. */
import type { Installation } from "@row/laptop/installation.ts";
import type { Command } from "commander";
import type { Target } from "../target.ts";

type Groups = Readonly<Record<string, Readonly<Record<string, () => Promise<Command>>>>>;

/** Each is loaded when it is wanted: `row status` does not need what `row up` does. */
export function commandGroups(here: () => Installation, target: () => Target): Groups {
  return {
    "The shop:": {
      up: async () => (await import("./up.ts")).upCommand(here),
      down: async () => (await import("./down.ts")).downCommand(here),
      dev: async () => (await import("./dev.ts")).devCommand(here),
      status: async () => (await import("./status.ts")).statusCommand(here),
      check: async () => (await import("./check.ts")).checkCommand(target),
      start: async () => (await import("./process.ts")).startCommand(here),
      stop: async () => (await import("./process.ts")).stopCommand(here),
      restart: async () => (await import("./process.ts")).restartCommand(target),
      kill: async () => (await import("./process.ts")).killCommand(here),
      pause: async () => (await import("./process.ts")).pauseCommand(here),
      resume: async () => (await import("./process.ts")).resumeCommand(here),
      partition: async () => (await import("./partition.ts")).partitionCommand(here),
      logs: async () => (await import("./logs.ts")).logsCommand(here),
      new: async () => (await import("./new.ts")).newCommand(here),
    },
    "Its calls:": {
      load: async () => (await import("./load.ts")).loadCommand(here),
      call: async () => (await import("./call.ts")).callCommand(target),
      toolbox: async () => (await import("./toolbox.ts")).toolboxCommand(here),
      stat: async () => (await import("./stat.ts")).statCommand(target),
      edges: async () => (await import("./edges.ts")).edgesCommand(here),
      tap: async () => (await import("./tap.ts")).tapCommand(here),
      trace: async () => (await import("./trace.ts")).traceCommand(here),
    },
    "Versions:": {
      deploy: async () => (await import("./deploy.ts")).deployCommand(here),
      split: async () => (await import("./split.ts")).splitCommand(target),
      scale: async () => (await import("./deploy.ts")).scaleCommand(here),
      behave: async () => (await import("./behave.ts")).behaveCommand(here),
      release: async () => (await import("./release.ts")).releaseCommand(here),
      undeploy: async () => (await import("./deploy.ts")).undeployCommand(here),
      experiment: async () => (await import("./experiment.ts")).experimentCommand(here),
    },
    "The mesh:": {
      get: async () => (await import("./get.ts")).getCommand(target),
      apply: async () => (await import("./apply.ts")).applyCommand(here),
      delete: async () => (await import("./apply.ts")).deleteCommand(here),
      mesh: async () => (await import("./mesh.ts")).meshCommand(target, here),
    },
    "Its data:": {
      dlq: async () => (await import("./dlq.ts")).dlqCommand(here),
      orders: async () => (await import("./orders.ts")).ordersCommand(here),
      backup: async () => (await import("./backup.ts")).backupCommand(here),
      restore: async () => (await import("./restore.ts")).restoreCommand(here),
      reset: async () => (await import("./reset.ts")).resetCommand(here),
    },
  };
}
