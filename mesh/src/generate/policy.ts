import type { MethodContract } from "@row/runtime/contract.ts";
import { TOOLBOX } from "@row/runtime/names.ts";
import { isCallable, isMeshed, type MeshedService, type ServiceManifest } from "@row/topology/service-manifest.ts";
import { allowAccounts, allowAnybody } from "./authorizations.ts";
import { grpcPolicy } from "./grpc-policy.ts";
import type { KubernetesObject } from "./kubernetes-object.ts";
import { account, adminServer, server } from "./servers.ts";
import { migrationAccount } from "./store-policy.ts";

/** Who may reach a service, port by port. */
export function policyObjects(
  service: ServiceManifest,
  methods: readonly MethodContract[],
  services: readonly ServiceManifest[],
): KubernetesObject[] {
  const { name } = service;
  if (!isMeshed(service)) return outsidePolicy(name, services);
  return [
    account(name),
    ...(service.postgres ? [account(migrationAccount(name), name)] : []),
    ...(isCallable(service) ? grpcPolicy(name, methods) : frontDoor(service)),
    ...adminServer(name),
  ];
}

/** The toolbox answers nobody; it has an identity, and the callees' policies say what that is good for. */
export function toolboxPolicy(): KubernetesObject[] {
  return [account(TOOLBOX)];
}

// Browsers and curl come from outside the mesh; the edge itself says what an end user may do.
function frontDoor(service: MeshedService): KubernetesObject[] {
  const open = (port: "http" | "grpc", protocol: "HTTP/1" | "gRPC") => {
    const name = `${service.name}-${port}`;
    return [
      server(name, service.name, port, protocol),
      allowAnybody(`${name}-for-anybody`, service.name, { kind: "Server", name }),
    ];
  };
  return [...open("http", "HTTP/1"), ...(service.kind === "gateway" ? open("grpc", "gRPC") : [])];
}

// Stands for the outside world: no contract, so whoever calls it may call all of it. Without a sidecar nobody enforces it.
function outsidePolicy(name: string, services: readonly ServiceManifest[]): KubernetesObject[] {
  const callers = services.filter(({ calls }) => calls.includes(name)).map((caller) => caller.name);
  const allowed = callers.length === 0 ? [] : allowAccounts(`${name}-clients`, name, { kind: "Server", name }, callers);
  return [account(name), server(name, name, "http", "HTTP/1"), ...allowed];
}
