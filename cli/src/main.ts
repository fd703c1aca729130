#!/usr/bin/env node
/** The command line: finds the command that is meant, loads it alone, and says in one line what went wrong. */
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { Command, Option } from "commander";
import manifest from "../package.json" with { type: "json" };
import { Kubectl } from "./cluster/kubectl.ts";
import { clusterTarget } from "./cluster/target.ts";
import { here } from "./here.ts";
import { laptopTarget } from "./laptop-target.ts";
import type { Target } from "./target.ts";

/** Commands in the order of the help, by group. Each is loaded when it is wanted: `row status` does not need what `row up` does. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, () => Promise<Command>>>>> = {
  "The shop:": {
    up: async () => (await import("./commands/up.ts")).upCommand(here),
    down: async () => (await import("./commands/down.ts")).downCommand(here),
    dev: async () => (await import("./commands/dev.ts")).devCommand(here),
    status: async () => (await import("./commands/status.ts")).statusCommand(here),
    check: async () => (await import("./commands/check.ts")).checkCommand(target),
    start: async () => (await import("./commands/process.ts")).startCommand(here),
    stop: async () => (await import("./commands/process.ts")).stopCommand(here),
    restart: async () => (await import("./commands/process.ts")).restartCommand(target),
    kill: async () => (await import("./commands/process.ts")).killCommand(here),
    pause: async () => (await import("./commands/process.ts")).pauseCommand(here),
    resume: async () => (await import("./commands/process.ts")).resumeCommand(here),
    logs: async () => (await import("./commands/logs.ts")).logsCommand(here),
    new: async () => (await import("./commands/new.ts")).newCommand(here),
  },
  "Its calls:": {
    load: async () => (await import("./commands/load.ts")).loadCommand(here),
    call: async () => (await import("./commands/call.ts")).callCommand(target),
    toolbox: async () => (await import("./commands/toolbox.ts")).toolboxCommand(here),
    stat: async () => (await import("./commands/stat.ts")).statCommand(target),
    edges: async () => (await import("./commands/edges.ts")).edgesCommand(here),
    tap: async () => (await import("./commands/tap.ts")).tapCommand(here),
    trace: async () => (await import("./commands/trace.ts")).traceCommand(here),
  },
  "Versions:": {
    deploy: async () => (await import("./commands/deploy.ts")).deployCommand(here),
    split: async () => (await import("./commands/split.ts")).splitCommand(target),
    scale: async () => (await import("./commands/deploy.ts")).scaleCommand(here),
    behave: async () => (await import("./commands/behave.ts")).behaveCommand(here),
    undeploy: async () => (await import("./commands/deploy.ts")).undeployCommand(here),
    experiment: async () => (await import("./commands/experiment.ts")).experimentCommand(here),
  },
  "The mesh:": {
    get: async () => (await import("./commands/get.ts")).getCommand(target),
    apply: async () => (await import("./commands/apply.ts")).applyCommand(here),
    delete: async () => (await import("./commands/apply.ts")).deleteCommand(here),
    mesh: async () => (await import("./commands/mesh.ts")).meshCommand(target, here),
  },
  "Its data:": {
    dlq: async () => (await import("./commands/dlq.ts")).dlqCommand(here),
    orders: async () => (await import("./commands/orders.ts")).ordersCommand(here),
    backup: async () => (await import("./commands/backup.ts")).backupCommand(here),
    restore: async () => (await import("./commands/restore.ts")).restoreCommand(here),
    reset: async () => (await import("./commands/reset.ts")).resetCommand(here),
  },
};
/** Those that mean something in a cluster too. */
const ANYWHERE: ReadonlySet<string> = new Set(["check", "restart", "call", "stat", "split", "get", "mesh"]);

const row = new Command("row")
  .description("Runs and looks after a Canary Row shop on this machine.")
  .addHelpText(
    "after",
    `\nWith --on kubernetes, ${[...ANYWHERE].join(", ")} speak of the cluster that kubectl points to.\nROW_PORT_BASE (5000; 1024 to 29667 is safe) moves every port of a shop that is started, ROW_STATE_DIR (.row) the state: two shops can run side by side.`,
  )
  .showHelpAfterError("(row --help lists the commands)")
  .addOption(
    new Option("--on <place>", "where the shop runs").choices(["laptop", "kubernetes"]).default("laptop").env("ROW_ON"),
  )
  .option("--context <name>", "kubectl's context to use, with --on kubernetes; the current one unless given")
  .hook("preSubcommand", (_, command) => {
    const { on, context } = place();
    if (on === "laptop" && context) throw new RowError("Cannot use --context: it is for --on kubernetes");
    if (on === "laptop" || ANYWHERE.has(command.name())) return;
    throw new RowError(
      `Cannot run ${command.name()} on kubernetes: there are ${[...ANYWHERE].join(", ")}; kubectl and Tilt do the rest`,
    );
  });

function place(): { on: string; context?: string } {
  return row.opts();
}

function target(): Target {
  const { on, context } = place();
  return on === "kubernetes" ? clusterTarget(new Kubectl(context), here().root) : laptopTarget(here());
}

// A reader that goes away, as `head` does, is no error.
process.stdout.on("error", () => process.exit());

try {
  const [word = ""] = row.parseOptions(process.argv.slice(2)).operands;
  const isKnown = Object.values(GROUPS).some((group) => Object.hasOwn(group, word));
  // A command may have a --version that means something else.
  if (!isKnown) row.version(`row ${manifest.version}, Node ${process.versions.node}`);
  for (const [title, group] of Object.entries(GROUPS)) {
    for (const [name, load] of Object.entries(group)) {
      // The help, and the guess what a misspelled word may mean, want all of them.
      if (!isKnown || name === word) row.addCommand(asBelow(row, (await load()).helpGroup(title)));
    }
  }
  await row.parseAsync();
} catch (error) {
  if (error instanceof RowError) console.error(error.message);
  else console.error(process.env.ROW_DEBUG ? error : `Unexpected: ${messageOf(error)} (ROW_DEBUG=1 shows where)`);
  process.exitCode = 1;
}

function asBelow(parent: Command, command: Command): Command {
  command.copyInheritedSettings(parent);
  for (const below of command.commands) asBelow(command, below);
  return command;
}
