import { addressVariable } from "@row/runtime/names.ts";
import type { ServiceManifest } from "./service-manifest.ts";

/** Whoever answers end users verifies their tokens against auth's keys, so auth is everybody's callee. */
export function calleesOf(service: ServiceManifest, services: readonly ServiceManifest[]): ServiceManifest[] {
  return services.filter(({ name }) => name !== service.name && (name === "auth" || service.calls.includes(name)));
}

/** The variable by which a caller finds a callee: CATALOG_ADDRESS, and for one that speaks HTTP CARD_GATEWAY_URL. */
export function calleeVariable({ name, kind }: ServiceManifest, address: string): Record<string, string> {
  const variable = addressVariable(name);
  return kind === "service" ? { [variable]: address } : { [variable.replace(/ADDRESS$/, "URL")]: `http://${address}` };
}
