import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, RowError } from "@row/topology/row-error.ts";
import { identify, isAlive, type ProcessIdentity } from "./process-identity.ts";

/** Claims the state folder for this process; refuses while another supervisor that is alive holds it. */
export function takeLock(stateDir: string, portBase?: number): { release(): void } {
  const file = join(stateDir, "supervisor.json");
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ ...identify(process.pid), portBase }), { mode: 0o600 });
  try {
    for (;;) {
      try {
        // Unlike a plain write, a link appears complete or not at all.
        linkSync(mine, file);
        return { release: () => rmSync(file, { force: true }) };
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
        const holder = supervisorOf(stateDir);
        if (holder) throw new AlreadyRunning(holder.pid);
        rmSync(file, { force: true });
      }
    }
  } finally {
    rmSync(mine, { force: true });
  }
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
