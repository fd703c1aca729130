/** Cuts the calls of a service to another, or heals what was cut, in every sidecar of the caller. */
import { RowError } from "@row/topology/row-error.ts";
import { isMeshed } from "@row/topology/service-manifest.ts";
import { meshedService } from "./deployed.ts";
import type { Mesh } from "./mesh.ts";
import type { Partition } from "./partitions.ts";
import type { RequestOf } from "./requests.ts";

const TOOLBOX = "toolbox";

/** Answers what is cut then. Resolves when every sidecar follows; when one does not, all go back. */
export async function partition(mesh: Mesh, { cut, heal }: RequestOf<"partition">): Promise<Partition[]> {
  const { partitions, reconciler } = mesh;
  const before = partitions.all();
  const named: readonly Partial<Partition>[] = [cut ?? {}, heal ?? {}];
  for (const { caller, callee } of named) {
    if (caller !== undefined) checkCaller(mesh, caller);
    if (callee !== undefined) meshedService(mesh, callee);
  }
  if (cut?.caller !== undefined && cut.caller === cut.callee)
    throw new RowError(`Cannot cut ${cut.caller} off itself: name two services`);
  if (cut) partitions.cut(cut);
  if (heal) partitions.heal(heal);
  try {
    await reconciler.pushReadiness();
  } catch (error) {
    partitions.heal({});
    for (const one of before) partitions.cut(one);
    reconciler.pushReadinessSoon();
    throw error;
  }
  return partitions.all();
}

function checkCaller(mesh: Mesh, name: string): void {
  const callers = [...mesh.host.services.filter(isMeshed).map((service) => service.name), TOOLBOX];
  if (!callers.includes(name)) throw new RowError(`Unknown caller ${name}: there are ${callers.join(", ")}`);
}
