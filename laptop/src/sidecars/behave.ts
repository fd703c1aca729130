/** Has a version behave as asked from now on, or as its code is. */
import { checkBehaviours, type InjectedVersion } from "./behaviours.ts";
import { deploymentOf, deploymentsOf, meshedService, serviceIn } from "./deployed.ts";
import type { Mesh } from "./mesh.ts";
import type { RequestOf } from "./requests.ts";

/** Answers what is injected into any. */
export function behave(mesh: Mesh, request: RequestOf<"behave">): InjectedVersion[] {
  const { service: name, version, behaviours, ...options } = request;
  const service = meshedService(mesh, name);
  const deployment = deploymentOf(deploymentsOf(mesh, name), name, version);
  checkBehaviours(deployment.from ? serviceIn(deployment.from, name) : service, behaviours);
  if (behaviours.length > 0) mesh.behaviours.set(name, version, behaviours, options);
  else mesh.behaviours.clear(name, version);
  return mesh.behaviours.all();
}
