import { GRPC_PORT } from "@row/topology/names.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { CallFlags } from "../commands/call.ts";
import { callAt } from "../commands/call.ts";
import type { Kubectl } from "./kubectl.ts";
import { openTunnel, type Tunnel } from "./toolbox-tunnel.ts";

/** Calls a method from inside the cluster's mesh, as its toolbox. */
export async function call(
  kubectl: Kubectl,
  root: string,
  name: string,
  json: string,
  flags: CallFlags,
): Promise<void> {
  const tunnels: Tunnel[] = [];
  try {
    await callAt(
      {
        root,
        async addressOf(serviceType, given) {
          const [host = "", port = GRPC_PORT] = (given ?? serviceOf(serviceType)).split(":");
          const tunnel = await openTunnel(kubectl, host, Number(port));
          tunnels.push(tunnel);
          return tunnel.address;
        },
        demoPassword: () => demoPassword(kubectl),
      },
      name,
      json,
      flags,
    );
  } catch (error) {
    // The call only knows that its connection broke.
    throw tunnels.map(({ failure }) => failure()).find((failure) => failure !== undefined) ?? error;
  } finally {
    for (const tunnel of tunnels) tunnel.close();
  }
}

/** The Service of a domain has the domain's name: shop.orders.v1.OrderService is answered by orders. */
function serviceOf(serviceType: string): string {
  const [, domain] = serviceType.split(".");
  if (!domain) throw new RowError(`No service answers ${serviceType}: name one with --address`);
  return domain;
}

async function demoPassword(kubectl: Kubectl): Promise<string> {
  const encoded = await kubectl.run("get", "secret", "demo", "-o", "jsonpath={.data.DEMO_PASSWORD}");
  if (!encoded) throw new RowError("Cannot log in: the Secret demo has no DEMO_PASSWORD; make it with k8s/secrets.sh");
  return Buffer.from(encoded, "base64").toString();
}
