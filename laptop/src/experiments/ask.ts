/** Asks the running shop's mesh on behalf of an experiment, and waits no longer than a change may take. */
import type { AskMesh } from "../sidecars/requests.ts";
import { askMesh } from "../supervisor/control-client.ts";

/** Another checkout is made ready and started, after whatever else was asked for before. */
const LONGEST_SECONDS = 180;

export function askOf(stateDir: string): AskMesh {
  return (verb, request) => askMesh(stateDir, verb, request, LONGEST_SECONDS);
}
