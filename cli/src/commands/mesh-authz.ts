/** `row mesh authz`: who may call what, by the policies that are in force. */

import { accessTable } from "@row/mesh/policy/access-table.ts";
import type { Resource } from "@row/mesh/resources/resource.ts";
import { methods } from "@row/runtime/contract.ts";
import { FIRST_VERSION } from "@row/runtime/names.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { good, heading, lesser } from "../colours.ts";
import { table } from "../table.ts";
import type { Target } from "../target.ts";

export function authzCommand(target: () => Target): Command {
  return new Command("authz")
    .description("show who may call what")
    .argument("[service]", "one service; all of them when none is named")
    .option("--json", "print JSON, with the reasons")
    .action(async (service: string | undefined, { json }: { json?: boolean }) => {
      const { resources, leftOut } = await target().authz();
      for (const reason of leftOut) console.error(`Left out: ${reason}`);
      console.log(authzText(resources, service, json));
    });
}

/** Who may call what by some policies, as a table or as JSON. */
function authzText(resources: readonly Resource[], service: string | undefined, json = false): string {
  const { callers, rows } = accessTable(resources, methods.values(), FIRST_VERSION, service);
  if (rows.length === 0) {
    const { rows: all } = accessTable(resources, methods.values(), FIRST_VERSION);
    const known = [...new Set(all.map((row) => row.service))].join(", ");
    throw new RowError(
      `Cannot show who may call ${service ?? "anything"}: there are policies for ${known || "no service"}`,
    );
  }
  if (json) {
    const withCallers = rows.map(({ service, path, verdicts }) => ({
      service,
      path,
      callers: Object.fromEntries(callers.map((caller, index) => [caller, verdicts[index]])),
    }));
    return JSON.stringify(withCallers, null, 2);
  }
  const lines = table([
    ["SERVICE", "METHOD", ...callers].map(heading),
    ...rows.map(({ service, path, verdicts }) => [
      service,
      shortName(path),
      ...verdicts.map(({ decision }) => (decision === "allow" ? good("yes") : lesser("-"))),
    ]),
  ]);
  const notes = ["others: any other account of the mesh. nobody: without an identity. --json says why."];
  return [...lines, "", ...notes].join("\n");
}

/** Methods of the service's own package go by their name, others in full. */
function shortName(path: string): string {
  const full = path.slice(1);
  return full.startsWith("shop.") ? (full.split("/")[1] ?? full) : full;
}
