/** `row toolbox`: how to call services through the mesh. */
import type { Installation } from "@row/laptop/installation.ts";
import { askMesh } from "@row/laptop/supervisor/control-client.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";

export function toolboxCommand(here: () => Installation): Command {
  return new Command("toolbox")
    .description("say how to call services through the mesh with grpcurl, buf curl or row call")
    .action(() => toolbox(here()));
}

/** Says how to call services as the toolbox: through its sidecar, so that calls see policy and splits. */
export async function toolbox({ stateDir }: Installation): Promise<void> {
  const { on, toolbox: address, services } = await askMesh(stateDir, "about", {});
  if (!on || !address) throw new RowError("This shop runs without the mesh: start it again without --no-mesh");
  const service = services.includes("catalog") ? "catalog" : (services[0] ?? "catalog");
  console.log(`The toolbox answers at ${address} (plaintext HTTP/2, loopback only). It finds the service by the method,
and a service's health, or what it alone describes, by the authority:

  grpcurl -plaintext ${address} list
  grpcurl -plaintext -d '{}' ${address} ${METHODS[service] ?? "PACKAGE.SERVICE/METHOD"}
  grpcurl -plaintext -authority ${service} ${address} grpc.health.v1.Health/Check
  buf curl --protocol grpc --http2-prior-knowledge -H 'host: ${service}' --reflect-header 'host: ${service}' --data '{}' \\
    http://${address}/${METHODS[service] ?? "PACKAGE.SERVICE/METHOD"}
  npx row call ${METHODS[service] ?? "PACKAGE.SERVICE/METHOD"}

Services: ${services.join(", ")}
It calls as "toolbox", which may call what end users may; what is for services only is refused.`);
}

const METHODS: Readonly<Record<string, string>> = { catalog: "shop.catalog.v1.CatalogService/ListCategories" };
