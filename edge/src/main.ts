import { runService } from "@row/runtime/run-service.ts";
import { addressKey, variables } from "./config.ts";
import { servicesForEndUsers } from "./contract.ts";
import { Edge } from "./edge.ts";

await runService({
  name: "edge",
  variables,
  async start(host) {
    const { log, telemetry, servedBy, claimsIdentity, serviceConfig, config } = host;
    const verifier = host.verifier();
    if (!verifier) throw new Error("Cannot start: the edge verifies tokens");
    const addresses: Readonly<Record<string, unknown>> = config;
    const services = new Map(
      servicesForEndUsers.flatMap((service) => {
        const address = addresses[addressKey(service)];
        return typeof address === "string" ? [[service, address] as const] : [];
      }),
    );
    const serverContext = { log, telemetry, servedBy, verifier };
    const edge = await Edge.create({
      serverContext,
      services,
      claimsIdentity,
      serviceConfig,
      // Only the sidecar can open a socket of the edge's; on a port everybody may claim to be forwarding.
      isBehindSidecar: config.listenAddress.startsWith("unix:"),
      corsOrigins: config.corsOrigins,
      maxConnections: config.maxConnections,
    });
    host.serveWith({
      listen: () =>
        edge.listen(config.listenAddress, config.grpcListenAddress, { takesOver: config.takesOver === "yes" }),
      drain: (ms) => edge.drain(ms),
    });
  },
});
