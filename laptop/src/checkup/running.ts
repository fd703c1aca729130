/** Whether what runs is what is wanted: processes, instances, and sidecars. */
import type { ShopStatus } from "../shop/shop-status.ts";
import type { Deployment } from "../sidecars/deployments.ts";
import type { RecordedProcess } from "../supervisor/run-record.ts";
import { bad, type Finding, good, warning } from "./finding.ts";

/** @param leftovers of a supervisor that has ended */
export function checkProcesses(status: ShopStatus | undefined, leftovers: readonly RecordedProcess[]): Finding[] {
  if (!status) {
    if (leftovers.length === 0) return [good("shop", "does not run, and nothing is left of an earlier run")];
    const says = `${leftovers.length} processes go on whose supervisor has ended: nothing starts again what dies`;
    return [bad("shop", says, "run `npm start`, which starts the shop anew, or `npx row down`")];
  }
  const { state, processes, problems } = status;
  if (state === "starting" || state === "stopping") {
    return [warning("shop", `is ${state}`, "look again in a minute: `npx row check`")];
  }
  if (problems.length > 0) return problems.map((problem) => bad("shop", problem, adviceFor(problem, status)));
  const sidecars = processes.filter(({ sidecar }) => sidecar).length;
  return [good("shop", `is ready: processes ${processes.length}, sidecars ${sidecars}`)];
}

/** What a problem of `row status` asks for, by the process that it begins with. */
function adviceFor(problem: string, { processes }: ShopStatus): string {
  const held = processes.find(({ instance, state }) => problem.startsWith(`${instance} is ${state}`));
  if (held?.state === "stopped") return `run \`npx row start ${held.instance}\``;
  if (held?.state === "paused") return `run \`npx row resume ${held.instance}\``;
  return held ? `see \`npx row logs ${held.name}\`` : "see `npx row logs`";
}

/** What misbehaves on purpose, which explains much of what else is found; nothing where nothing does. */
export function checkInjected({ injected = [], partitions = [] }: ShopStatus): Finding[] {
  return [
    ...injected.map(({ service, version, behaviours, until }) =>
      warning(
        "injected",
        `${service} ${version} misbehaves on purpose: ${behaviours.join(" ")}${until ? `, until ${until}` : ""}`,
        `end it with \`npx row behave ${service} ${version} --clear\``,
      ),
    ),
    ...partitions.map(({ caller, callee }) =>
      warning(
        "injected",
        `${caller} cannot call ${callee}: its calls are cut on purpose`,
        `end it with \`npx row partition ${caller} ${callee} --heal\``,
      ),
    ),
  ];
}

/** Versions that are to run and do not. */
export function checkVersions(deployments: readonly Deployment[], { processes }: ShopStatus): Finding[] {
  const running = ({ service, version }: Pick<Deployment, "service" | "version">) =>
    processes.filter((process) => process.name === service && process.version === version && process.pid !== null)
      .length;
  const fewer = deployments.filter((one) => running(one) < one.replicas);
  if (fewer.length === 0) return [good("versions", `each that is to run does (${deployments.length})`)];
  return fewer.map(({ service, version, replicas }) =>
    bad(
      "versions",
      `of ${service} ${version} ${running({ service, version })} of ${replicas} instances run`,
      `run \`npx row scale ${service} --version ${version} --replicas ${replicas}\`, or see \`npx row logs ${service}\``,
    ),
  );
}
