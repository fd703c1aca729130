/** `row reset`: stops everything and deletes the data. */
import { createInterface } from "node:readline/promises";
import type { Installation } from "@row/laptop/installation.ts";
import { forgetCheckouts } from "@row/laptop/sidecars/checkout.ts";
import { removeState } from "@row/laptop/stores/infrastructure.ts";
import { codeOf, messageOf, RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { stopEverything } from "./down.ts";

export function resetCommand(here: () => Installation): Command {
  return new Command("reset")
    .description("stop everything and delete its data: databases, streams, secrets and logs")
    .option("-y, --yes", "do not ask")
    .action((options: { yes?: boolean }) => reset(here(), options));
}

export async function reset({ stateDir, root }: Installation, { yes }: { yes?: boolean }): Promise<void> {
  if (!yes && !process.stdin.isTTY)
    throw new RowError(`Nobody can be asked whether to delete all data in ${stateDir}: say so with --yes`);
  if (!yes && !(await agreed(stateDir))) return;
  await stopEverything(stateDir);
  try {
    removeState(stateDir);
  } catch (error) {
    throw new RowError(
      `Cannot delete ${stateDir}: ${codeOf(error) === "EACCES" ? "it is not writable" : messageOf(error)}`,
    );
  }
  // Git still knows of the checkouts that were in it.
  await forgetCheckouts(root);
  console.log(`Deleted ${stateDir} and every database in it.`);
}

async function agreed(stateDir: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Stop the shop and delete all of its data in ${stateDir}? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
