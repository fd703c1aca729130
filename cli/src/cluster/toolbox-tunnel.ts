/** A way into a cluster's mesh through the toolbox's pod. */
import { type AddressInfo, createServer } from "node:net";
import type { RowError } from "@row/topology/row-error.ts";
import type { Kubectl } from "./kubectl.ts";

/** A port of this machine that leads through the toolbox's pod to one address, until it is closed. */
export interface Tunnel {
  readonly address: string;
  /** Why connections failed, if any did. */
  readonly failure: () => RowError | undefined;
  close(): void;
}

/**
 * Leads to an address as the toolbox sees it. A port-forward would end in the pod that is called, past every sidecar, and see
 * no split and no policy: here the connection is made inside the toolbox, by its own `nc`, and its sidecar takes it from there.
 */
export async function openTunnel(kubectl: Kubectl, host: string, port: number): Promise<Tunnel> {
  const children = new Set<ReturnType<Kubectl["start"]>>();
  let failure: RowError | undefined;
  const server = createServer((socket) => {
    const child = kubectl.start(
      "exec",
      "--stdin",
      "deploy/toolbox",
      "--container=toolbox",
      "--",
      "nc",
      host,
      String(port),
    );
    children.add(child);
    kubectl.end(child).then((error) => {
      children.delete(child);
      // Nothing to say after an ordinary end, nor of one that was killed here.
      if (child.exitCode) failure ??= error;
      socket.destroy();
    });
    socket.pipe(child.stdin);
    child.stdout.pipe(socket);
    for (const stream of [socket, child.stdin]) stream.on("error", () => child.kill());
    socket.once("close", () => child.kill());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: local } = server.address() as AddressInfo; // it listens on a port
  return {
    address: `127.0.0.1:${local}`,
    failure: () => failure,
    close() {
      server.close();
      for (const child of children) child.kill();
    },
  };
}
