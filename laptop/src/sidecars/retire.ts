/** How instances leave, and come back when it was for nothing. */
import { messageOf } from "@row/topology/row-error.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";
import { removeCheckout } from "./checkout.ts";
import { provideEvents } from "./checkout-events.ts";
import type { RunningInstance } from "./instances.ts";
import type { Mesh } from "./mesh.ts";

/** Takes them out of every caller's endpoints, and lets the calls that they have come to an end. */
export async function drain(mesh: Mesh, members: readonly RunningInstance[]): Promise<void> {
  await Promise.all(members.map((member) => mesh.drain(member)));
}

/** Takes back a drain. */
export async function comeBack(mesh: Mesh, members: readonly RunningInstance[]): Promise<void> {
  for (const member of members) delete member.leaving;
  await mesh.reconciler.pushReadiness();
}

/** Stops instances, and takes back what they had. */
export async function end(
  mesh: Mesh,
  infrastructure: Infrastructure,
  members: readonly RunningInstance[],
): Promise<void> {
  if (members.length === 0) return;
  await mesh.remove([...members]);
  // They are gone, whatever becomes of their rights: those are taken back with the next change at the latest.
  await provideEvents(infrastructure, mesh.instances).catch((error) =>
    mesh.host.report(`Rights to read events are not taken back yet: ${messageOf(error)}`),
  );
}

/** Deletes a checkout that no version runs any more; another one may run the same folder. */
export async function leaveCheckout(mesh: Mesh, folder: string): Promise<void> {
  const services = mesh.host.services.map(({ name }) => name);
  if (!mesh.deployments.of(services).some(({ from }) => from === folder)) mesh.host.programs.forget(folder);
  await removeCheckout(mesh.host.installation, folder);
}
