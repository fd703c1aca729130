/** `row mesh authz`: who may call what, by the policies that are in force. */

import type { Installation } from "@row/laptop/installation.ts";
import { type AccessTable, accessTable } from "@row/mesh/policy/access-table.ts";
import type { Resource } from "@row/mesh/resources/resource.ts";
import { methods } from "@row/runtime/contract.ts";
import { FIRST_VERSION, TOOLBOX } from "@row/runtime/names.ts";
import { RowError } from "@row/topology/row-error.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { Command } from "commander";
import { good, heading, lesser } from "../colours.ts";
import { table } from "../table.ts";
import type { Target } from "../target.ts";

export function authzCommand(target: () => Target, here: () => Installation): Command {
  return new Command("authz")
    .description("show who may call what")
    .argument("[service]", "one service; all of them when none is named")
    .option("--json", "print JSON, with the reasons")
    .action(async (service: string | undefined, { json }: { json?: boolean }) => {
      const { resources, leftOut } = await target().authz();
      for (const reason of leftOut) console.error(`Left out: ${reason}`);
      console.log(json ? authzJson(resources, service) : authzText(resources, service, here().root));
    });
}

/** Who may call what by some policies. */
function tableOf(resources: readonly Resource[], service: string | undefined): AccessTable {
  const found = accessTable(resources, methods.values(), FIRST_VERSION, service);
  const { rows } = found;
  if (rows.length === 0) {
    const { rows: all } = accessTable(resources, methods.values(), FIRST_VERSION);
    const known = [...new Set(all.map((row) => row.service))].join(", ");
    throw new RowError(
      `Cannot show who may call ${service ?? "anything"}: there are policies for ${known || "no service"}`,
    );
  }
  return found;
}

function authzJson(resources: readonly Resource[], service: string | undefined): string {
  const { callers, rows } = tableOf(resources, service);
  const withCallers = rows.map(({ service, path, verdicts }) => ({
    service,
    path,
    callers: Object.fromEntries(callers.map((caller, index) => [caller, verdicts[index]])),
  }));
  return JSON.stringify(withCallers, null, 2);
}

/** Not the accounts of services. */
const OTHER_CALLERS = [TOOLBOX, "others", "nobody"];

function authzText(resources: readonly Resource[], service: string | undefined, root: string): string {
  const { callers, rows } = tableOf(resources, service);
  const known = new Set([...discoverServices(root).map(({ name }) => name), ...OTHER_CALLERS]);
  const heads = callers.map((caller) => (known.has(caller) ? caller : `${caller}*`));
  const lines = table([
    ["SERVICE", "METHOD", ...heads].map(heading),
    ...rows.map(({ service, path, verdicts }) => [
      service,
      shortName(path),
      ...verdicts.map(({ decision }) => (decision === "allow" ? good("yes") : lesser("-"))),
    ]),
  ]);
  const notes = [
    "others: any other account of the mesh. nobody: without an identity. --json says why.",
    ...(callers.every((caller) => known.has(caller))
      ? []
      : ["*: a policy names it, and this checkout has no such service"]),
  ];
  return [...lines, "", ...notes].join("\n");
}

/** Methods of the service's own package go by their name, others in full. */
function shortName(path: string): string {
  const full = path.slice(1);
  return full.startsWith("shop.") ? (full.split("/")[1] ?? full) : full;
}
