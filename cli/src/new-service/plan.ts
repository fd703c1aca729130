/** What `row new` writes and changes, and why it may refuse to: everything is known before anything is written. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RowError } from "@row/topology/row-error.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { withService } from "./access-rows.ts";
import { freePorts, type ServicePorts } from "./free-ports.ts";
import { type ServiceNames, serviceNames } from "./service-names.ts";
import { renderTemplates } from "./templates.ts";

/** The people's own table of who may call what. */
export const ACCESS = "tests/access.md";

export interface Plan {
  readonly names: ServiceNames;
  readonly ports: ServicePorts;
  /** The text of each new file, by its path in the project. */
  readonly files: ReadonlyMap<string, string>;
  /** ACCESS with the service's rows and column. */
  readonly access: string;
}

/** Throws RowError when there can be no such service. */
export function planService(root: string, name: string, resource: string, now: Date): Plan {
  const names = serviceNames(name, resource);
  refuseIfThere(root, names);
  const ports = freePorts(discoverServices(root));
  const files = renderTemplates(names, {
    ...{ port: String(ports.port), adminPort: String(ports.adminPort) },
    migration: `${now.toISOString().slice(0, 10).replaceAll("-", "")}000000`,
    ...versions(root),
  });
  const rpc = (verb: string) => `shop.${name}.v1.${names.Resource}Service/${verb}${names.Resource}`;
  const access = withService(readFileSync(join(root, ACCESS), "utf8"), name, [
    { rpc: rpc("Get"), users: ["anonymous", "customer", "merchant", "admin"] },
    { rpc: rpc("Create"), users: ["merchant", "admin"] },
  ]);
  return { names, ports, files, access };
}

/** The service is part of this version of the project, and takes the packages that it has. */
function versions(root: string): { version: string; pg: string } {
  const { version, dependencies } = JSON.parse(readFileSync(join(root, "runtime/package.json"), "utf8"));
  return { version: String(version), pg: String(dependencies.pg) };
}

function refuseIfThere(root: string, { name }: ServiceNames): void {
  for (const folder of [`services/${name}`, `proto/shop/${name}`, name]) {
    if (existsSync(join(root, folder)))
      throw new RowError(`Cannot write a service ${name}: ${folder} is there already; choose another name`);
  }
  const path = new RegExp(`"/v1/${name}["/:]`);
  const contracts = globSync("proto/shop/**/*.proto", { cwd: root }).sort();
  const serves = contracts.find((file) => path.test(readFileSync(join(root, file), "utf8")));
  if (serves !== undefined)
    throw new RowError(`Cannot write a service ${name}: ${serves} serves /v1/${name} already; choose another name`);
}
