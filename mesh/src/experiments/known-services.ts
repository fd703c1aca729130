/** The services that experiments can be about, by their manifests and contracts. */
import { methodsIn } from "@row/runtime/contract.ts";
import { loadContracts } from "@row/topology/contracts.ts";
import { discoverServices, isCallable } from "@row/topology/service-manifest.ts";
import type { KnownService } from "./metrics.ts";

/** Those that the saga of an order asks, besides the one that runs it. */
const SAGA = "orders";

export function knownServices(root: string): KnownService[] {
  const services = discoverServices(root).filter(isCallable);
  const contracts = loadContracts(root);
  const methods = [...methodsIn(contracts).values()];
  const saga = services.find(({ name }) => name === SAGA);
  return services.map(({ name, calls, bugs }) => ({
    name,
    methods: methods.filter(({ service }) => service === name).map(({ descriptor }) => descriptor.name),
    callsOthers: services.some((callee) => calls.includes(callee.name)),
    publishes: [...contracts.files].some(
      (file) => file.name.startsWith(`shop/${name}/`) && file.name.endsWith("_events"),
    ),
    decidesOrders: name === SAGA || (name !== "catalog" && (saga?.calls.includes(name) ?? false)),
    bugs,
  }));
}
