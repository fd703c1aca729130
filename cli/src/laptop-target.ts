/** The shop of this machine as a target. What few commands need is loaded when it is asked. */
import { type Installation, realPort } from "@row/laptop/installation.ts";
import { Secrets } from "@row/laptop/secrets.ts";
import { askMesh, askProcess, NotRunning } from "@row/laptop/supervisor/control-client.ts";
import { supervisorOf } from "@row/laptop/supervisor/lock.ts";
import { LONGEST_WINDOW_SECONDS } from "@row/mesh/observer/recent-calls.ts";
import type { Stat } from "@row/mesh/observer/stat.ts";
import { serviceOfType } from "@row/runtime/names.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { Target } from "./target.ts";

/** The shop of a state folder of this machine. */
export function laptopTarget(installation: Installation): Target {
  const { root, stateDir } = installation;
  const running = async () => ({ ...(await askMesh(stateDir, "resources", {})), leftOut: [] });
  return {
    resources: running,
    split: (service, weights, isDryRun) => askMesh(stateDir, "split", { service, weights, isDryRun }),
    restoreSplits: (service, splits, isDryRun) => askMesh(stateDir, "restoreSplits", { service, splits, isDryRun }),
    async stat({ service, prometheus, windowSeconds }) {
      if (prometheus) throw new RowError("Cannot use --prometheus: it is for --on kubernetes");
      if ((windowSeconds ?? 0) > LONGEST_WINDOW_SECONDS) {
        throw new RowError("Cannot look back so far: on a laptop the calls of the last 5m are kept");
      }
      const { about, askObserver, observerUrl } = await import("@row/laptop/sidecars/observer-client.ts");
      const url = await observerUrl(installation);
      const ask = async () => {
        const [stat, { injected }] = await Promise.all([
          askObserver<Stat>(url, `/stat${about(service, windowSeconds)}`),
          askMesh(stateDir, "injected", {}),
        ]);
        return { ...stat, injected };
      };
      return { ask, close: () => {} };
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
    check: async () => (await import("@row/laptop/checkup/checkup.ts")).checkUp(installation),
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
