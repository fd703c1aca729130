/** Which RPCs the edge serves: those that end users may call, of the services it has an address of. */
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import { type MethodContract, methods } from "@row/runtime/contract.ts";

/** Every RPC of the contracts that an end user may call. */
const forEndUsers = [...methods.values()].filter(({ access }) => access !== Access.NONE);

/** The services that have such an RPC. */
export const servicesForEndUsers: readonly string[] = [...new Set(forEndUsers.map(({ service }) => service))];

/** The RPCs that the edge serves when it can call these services. */
export function servedBy(services: ReadonlySet<string>): MethodContract[] {
  return forEndUsers.filter(({ service }) => services.has(service));
}
