/** Runs more instances of a version, or fewer. */
import { RowError } from "@row/topology/row-error.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";
import { provideEvents } from "./checkout-events.ts";
import { deploymentOf, deploymentsOf, meshedService, named, versions } from "./deployed.ts";
import type { Mesh } from "./mesh.ts";
import type { AnswerOf, RequestOf } from "./requests.ts";
import { comeBack, drain, end } from "./retire.ts";
import { sharesOfNobody } from "./shares-of-nobody.ts";
import { inSteps, orAborted } from "./steps.ts";

/** Those that end are drained first. */
export async function scale(
  mesh: Mesh,
  infrastructure: Infrastructure,
  { service: name, replicas, version: asked }: RequestOf<"scale">,
  signal: AbortSignal,
): Promise<AnswerOf<"scale">> {
  meshedService(mesh, name);
  const known = deploymentsOf(mesh, name);
  const version = asked ?? (known.length === 1 ? known[0]?.version : undefined);
  if (version === undefined) {
    throw new RowError(`Cannot scale ${name}: say which with --version, there are ${versions(known)}`);
  }
  const deployment = { ...deploymentOf(known, name, version), replicas };
  const before = mesh.instances.of(name, version);
  const surplus = before.slice(replicas);
  await inSteps({ signal, report: mesh.host.report }, async (step) => {
    const added = await step(
      () => mesh.factory.create(deployment),
      () =>
        end(
          mesh,
          infrastructure,
          mesh.instances.of(name, version).filter((member) => !before.includes(member)),
        ),
    );
    await step(() => provideEvents(infrastructure, mesh.instances));
    await step(() => mesh.reconciler.apply());
    await step(() => orAborted(mesh.start(added), signal));
    await step(
      () => drain(mesh, surplus),
      () => comeBack(mesh, surplus),
    );
  });
  // What is drained is stopped, whoever waits for it: there is no way back from here.
  mesh.deployments.set(deployment);
  await end(mesh, infrastructure, surplus);
  const [warning] = sharesOfNobody(mesh, name);
  return { ...named(mesh, name, version), ...(warning && { warning }) };
}
