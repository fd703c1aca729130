/** `row partition`: cuts the calls of one service to another, on purpose. */
import type { Installation } from "@row/laptop/installation.ts";
import type { Partition } from "@row/laptop/sidecars/partitions.ts";
import { askMesh } from "@row/laptop/supervisor/control-client.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";

interface PartitionFlags {
  readonly heal?: boolean;
  readonly json?: boolean;
}

export function partitionCommand(here: () => Installation): Command {
  return new Command("partition")
    .description("cut the calls of one service to another, until they are healed or the shop starts anew")
    .argument("[caller]", "whose calls: edge, toolbox or a service")
    .argument("[callee]", "which service they do not reach")
    .option("--heal", "end it: between these two, of a caller, or everywhere")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nCalls fail at once with UNAVAILABLE, as where nobody is there; for silence hold the callee: `npx row pause catalog`. Without arguments it shows what is cut.",
    )
    .action((caller: string | undefined, callee: string | undefined, flags: PartitionFlags) =>
      partition(here(), { caller, callee }, flags),
    );
}

async function partition(
  { stateDir }: Installation,
  { caller, callee }: { readonly caller: string | undefined; readonly callee: string | undefined },
  { heal, json }: PartitionFlags,
): Promise<void> {
  if (caller !== undefined && callee === undefined && !heal) {
    throw new RowError(`Cannot tell what ${caller} is not to reach: write \`npx row partition orders catalog\``);
  }
  const cut = !heal && caller !== undefined && callee !== undefined ? { caller, callee } : undefined;
  const { partitions } = await askMesh(stateDir, "partition", { cut, heal: heal ? { caller, callee } : undefined });
  console.log(json ? JSON.stringify(partitions, null, 2) : listText(partitions));
}

function listText(partitions: readonly Partition[]): string {
  if (partitions.length === 0) return "Nothing is cut.";
  return ["Injected on purpose:", ...partitions.map(partitionText)].join("\n");
}

/** "  orders cannot call catalog, until `npx row partition orders catalog --heal`" */
export function partitionText({ caller, callee }: Partition): string {
  return `  ${caller} cannot call ${callee}, until \`npx row partition ${caller} ${callee} --heal\``;
}
