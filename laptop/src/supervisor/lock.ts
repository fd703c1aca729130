import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RowError } from "@row/topology/row-error.ts";
import { type Claim, claimFile } from "./claim.ts";
import { identify, isAlive, type ProcessIdentity } from "./process-identity.ts";

/** Claims the state folder for this process; refuses while another supervisor that is alive holds it. */
export function takeLock(stateDir: string, portBase?: number): Claim {
  return claimFile(join(stateDir, "supervisor.json"), { ...identify(process.pid), portBase }, () => {
    const holder = supervisorOf(stateDir);
    if (holder) throw new AlreadyRunning(holder.pid);
  });
}

/** The supervisor that runs on this state folder now, if there is one. */
export function supervisorOf(stateDir: string): ProcessIdentity | undefined {
  try {
    const holder: ProcessIdentity = JSON.parse(readFileSync(join(stateDir, "supervisor.json"), "utf8"));
    return isAlive(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** The port base of the shop that runs on this state folder, or whose supervisor was killed. */
export function recordedPortBase(stateDir: string): number | undefined {
  try {
    const { portBase }: { portBase?: number } = JSON.parse(readFileSync(join(stateDir, "supervisor.json"), "utf8"));
    return portBase;
  } catch {
    return undefined;
  }
}

export class AlreadyRunning extends RowError {
  constructor(pid: number) {
    super(`The shop is running already (pid ${pid}): see \`npx row status\`, or stop it with \`npx row down\``);
  }
}
