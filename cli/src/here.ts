/** The shop of this terminal: its state folder, and the ports of the shop that runs there, whatever ROW_PORT_BASE is here. */
import { type Installation, installationFrom } from "@row/laptop/installation.ts";
import { recordedPortBase, supervisorOf } from "@row/laptop/supervisor/lock.ts";

export function here(): Installation {
  const installation = installationFrom(process.env);
  const { stateDir } = installation;
  const running = supervisorOf(stateDir) !== undefined || !process.env.ROW_PORT_BASE;
  return { ...installation, portBase: (running ? recordedPortBase(stateDir) : undefined) ?? installation.portBase };
}
