import { join } from "node:path";
import type { Installation } from "@row/laptop/installation.ts";
import { askMesh } from "@row/laptop/supervisor/control-client.ts";
import { supervisorOf } from "@row/laptop/supervisor/lock.ts";
import { accessTable } from "@row/mesh/policy/access-table.ts";
import { loadResources } from "@row/mesh/resources/read.ts";
import type { Resource } from "@row/mesh/resources/resource.ts";
import { methods } from "@row/runtime/contract.ts";
import { RowError } from "@row/topology/row-error.ts";
import { table } from "./status.ts";

const VERSION = "v1";

/** Prints who may call what: by the policies of the shop that runs, or else by the repository's. */
export async function meshAuthz(
  installation: Installation,
  service: string | undefined,
  { json }: { json?: boolean },
): Promise<void> {
  const resources = (await runningResources(installation)) ?? resourcesOf(installation);
  console.log(authzText(resources, service, json));
}

/** Undefined where no shop runs, or one without the mesh. */
async function runningResources({ stateDir }: Installation): Promise<Resource[] | undefined> {
  if (!supervisorOf(stateDir) || !(await askMesh(stateDir, "about", {})).on) return undefined;
  return (await askMesh(stateDir, "resources", {})).resources;
}

function resourcesOf({ root }: Installation): Resource[] {
  return loadResources(["services", "policy", "routes"].map((folder) => join(root, "mesh", folder)));
}

/** Who may call what by some policies, as a table or as JSON. */
export function authzText(resources: readonly Resource[], service: string | undefined, json = false): string {
  const { callers, rows } = accessTable(resources, [...methods.keys()], VERSION, service);
  if (rows.length === 0) {
    const { rows: all } = accessTable(resources, [...methods.keys()], VERSION);
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
    ["SERVICE", "METHOD", ...callers],
    ...rows.map(({ service, path, verdicts }) => [
      service,
      shortName(path),
      ...verdicts.map(({ decision }) => (decision === "allow" ? "yes" : "-")),
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
