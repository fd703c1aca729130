/** What somebody who has just started a shop wants to know. */
import { type Installation, realPort } from "@row/laptop/installation.ts";
import { Secrets } from "@row/laptop/secrets.ts";
import type { AnswerOf } from "@row/laptop/sidecars/requests.ts";
import { isCallable, type ServiceManifest } from "@row/topology/service-manifest.ts";

export const DEMO_USERS = ["alice", "bob", "merchant", "admin"];

export function demoAddress(user: string): string {
  return user.includes("@") ? user : `${user}@example.com`;
}

/** What somebody who has just started a shop wants to know. */
export function welcome(installation: Installation, services: ServiceManifest[], mesh: AnswerOf<"about">): string {
  const edge = services.find((service) => service.kind === "gateway");
  const grpc = services.filter(isCallable);
  const at = (declared: number) => realPort(installation, declared);
  const lines = ["", "The shop is ready."];
  if (edge) lines.push(`  Shop      http://127.0.0.1:${at(edge.port)}   (documentation at /docs)`);
  if (edge) lines.push(`  gRPC      127.0.0.1:${at(edge.grpcPort)}   (h2c, what end users may call)`);
  if (grpc.length > 0) lines.push(`  Services  ${grpc.map(({ name, port }) => `${name} :${at(port)}`).join("  ")}`);
  if (mesh.toolbox) lines.push(`  Toolbox   ${mesh.toolbox}   (calls through the mesh: npx row toolbox)`);
  if (services.some(({ name }) => name === "auth")) {
    lines.push(`  Users     ${DEMO_USERS.map(demoAddress).join(", ")}`);
    lines.push(`  Password  ${new Secrets(installation.stateDir).demoPassword}`);
  }
  lines.push(`  Logs      ${installation.stateDir}/logs`, "");
  return lines.join("\n");
}
