#!/usr/bin/env node
/** The command line: finds the command that is meant, loads it alone, and says in one line what went wrong. */
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { Command, Option } from "commander";
import manifest from "../package.json" with { type: "json" };
import { Kubectl } from "./cluster/kubectl.ts";
import { clusterTarget } from "./cluster/target.ts";
import { commandGroups } from "./commands/groups.ts";
import { here } from "./here.ts";
import { laptopTarget } from "./laptop-target.ts";
import type { Target } from "./target.ts";

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
  const groups = commandGroups(here, target);
  const isKnown = Object.values(groups).some((group) => Object.hasOwn(group, word));
  // A command may have a --version that means something else.
  if (!isKnown) row.version(`row ${manifest.version}, Node ${process.versions.node}`);
  for (const [title, group] of Object.entries(groups)) {
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
