/** A way to the services of a cluster from inside its mesh, as its toolbox. */
import { GRPC_PORT, serviceOfType } from "@row/runtime/names.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { Connection } from "../target.ts";
import type { Kubectl } from "./kubectl.ts";
import { openTunnel, type Tunnel } from "./toolbox-tunnel.ts";

export function connect(kubectl: Kubectl, root: string): Connection {
  const tunnels: Tunnel[] = [];
  return {
    root,
    async addressOf(serviceType, given) {
      const [host = "", port = GRPC_PORT] = (given ?? serviceOf(serviceType)).split(":");
      const tunnel = await openTunnel(kubectl, host, Number(port));
      tunnels.push(tunnel);
      return tunnel.address;
    },
    demoPassword: () => demoPassword(kubectl),
    failure: () => tunnels.map(({ failure }) => failure()).find((failure) => failure !== undefined),
    close() {
      for (const tunnel of tunnels) tunnel.close();
    },
  };
}

/** The Service of a domain has the domain's name: shop.orders.v1.OrderService is answered by orders. */
function serviceOf(serviceType: string): string {
  const domain = serviceOfType(serviceType);
  if (!domain) throw new RowError(`No service answers ${serviceType}: name one with --address`);
  return domain;
}

async function demoPassword(kubectl: Kubectl): Promise<string> {
  const encoded = await kubectl.run("get", "secret", "demo", "-o", "jsonpath={.data.DEMO_PASSWORD}");
  if (!encoded) throw new RowError("Cannot log in: the Secret demo has no DEMO_PASSWORD; make it with k8s/secrets.sh");
  return Buffer.from(encoded, "base64").toString();
}
