/** Where the shop runs that a command speaks to: on this machine, or in a cluster. What a target does is loaded when it is asked. */

import { type Installation, realPort } from "@row/laptop/installation.ts";
import { Secrets } from "@row/laptop/secrets.ts";
import { askMesh, askProcess, NotRunning } from "@row/laptop/supervisor/control-client.ts";
import { supervisorOf } from "@row/laptop/supervisor/lock.ts";
import type { Stat } from "@row/mesh/observer/stat.ts";
import type { RuleSplit } from "@row/mesh/policy/traffic-split.ts";
import type { Kind, Resource } from "@row/mesh/resources/resource.ts";
import { serviceOfType } from "@row/runtime/names.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { Kubectl } from "./cluster/kubectl.ts";

/** A place where a shop runs, and what can be asked of it wherever that is. */
export interface Target {
  /** What the mesh obeys there, of these kinds or of all. */
  resources(kinds?: readonly Kind[]): Promise<FoundResources>;
  /** Shares the calls to a service among its versions; no weights only tell how they are shared. */
  split(service: string, weights: string[]): Promise<Split>;
  stat(query: StatQuery): Promise<StatSource>;
  /** What says who may call what. */
  authz(): Promise<FoundResources>;
  connect(): Promise<Connection>;
  /** Starts a service or store anew, in turn; answers what serves again. */
  restart(name: string): Promise<readonly string[]>;
}

export interface FoundResources {
  readonly resources: readonly Resource[];
  /** Why something that is there is not among them. */
  readonly leftOut: readonly string[];
}

export interface Split {
  readonly splits: readonly RuleSplit[];
  /** The rules that share none: those for marked calls. */
  readonly left: readonly RuleSplit[];
}

export interface StatQuery {
  readonly service?: string;
  /** A Prometheus to ask, in a cluster. */
  readonly prometheus?: string;
}

/** Who calls whom, to be asked again and again until it is closed. */
export interface StatSource {
  ask(): Promise<Stat>;
  close(): void;
}

/** A way to the services, until it is closed. */
export interface Connection {
  readonly root: string;
  /** "127.0.0.1:5050" for a type such as shop.orders.v1.OrderService; the address that the user gave comes first. */
  addressOf(serviceType: string, given?: string): Promise<string>;
  demoPassword(): Promise<string>;
  /** Why the way broke, where that is known. */
  failure(): RowError | undefined;
  close(): void;
}

/** The shop of a state folder of this machine. */
export function laptopTarget(installation: Installation): Target {
  const { root, stateDir } = installation;
  const running = async () => ({ ...(await askMesh(stateDir, "resources", {})), leftOut: [] });
  return {
    resources: running,
    split: (service, weights) => askMesh(stateDir, "split", { service, weights }),
    async stat({ service, prometheus }) {
      if (prometheus) throw new RowError("Cannot use --prometheus: it is for --on kubernetes");
      const { about, askObserver, observerUrl } = await import("@row/laptop/sidecars/observer-client.ts");
      const url = await observerUrl(installation);
      return { ask: () => askObserver<Stat>(url, `/stat${about(service)}`), close: () => {} };
    },
    async authz() {
      const isMeshed = supervisorOf(stateDir) !== undefined && (await askMesh(stateDir, "about", {})).on;
      if (isMeshed) return running();
      const { writtenResources } = await import("./written-resources.ts");
      return { resources: writtenResources(root), leftOut: [] };
    },
    connect: async () => ({
      root,
      async addressOf(serviceType, given) {
        if (given) return given;
        if (!supervisorOf(stateDir)) throw new NotRunning(stateDir);
        // Through the mesh, so that splits and policies are seen as another service would see them.
        return (await askMesh(stateDir, "about", {})).toolbox ?? addressOf(installation, serviceType);
      },
      demoPassword: async () => new Secrets(stateDir).demoPassword,
      failure: () => undefined,
      close: () => {},
    }),
    restart: (name) => askProcess(stateDir, "restart", name),
  };
}

/** The shop in the cluster that kubectl points to. */
export function clusterTarget(kubectl: Kubectl, root: string): Target {
  const resources = async (kinds?: readonly Kind[]) =>
    (await import("./cluster/resources.ts")).readCluster(kubectl, kinds);
  return {
    resources,
    split: async (service, weights) => (await import("./cluster/split.ts")).split(kubectl, service, weights),
    stat: async (query) => (await import("./cluster/stat.ts")).openStat(kubectl, query),
    authz: () => resources(),
    connect: async () => (await import("./cluster/connection.ts")).connect(kubectl, root),
    restart: async (name) => (await import("./cluster/restart.ts")).restart(kubectl, name),
  };
}

/** The service of a domain has the domain's name: shop.orders.v1.OrderService is answered by orders. */
async function addressOf(installation: Installation, serviceType: string): Promise<string> {
  const { discoverServices } = await import("@row/topology/service-manifest.ts");
  const domain = serviceOfType(serviceType);
  const service = discoverServices(installation.root).find(({ name }) => name === domain);
  if (!service) throw new RowError(`No service answers ${serviceType}: name one with --address`);
  return `127.0.0.1:${realPort(installation, service.port)}`;
}
