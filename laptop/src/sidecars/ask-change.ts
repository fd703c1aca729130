/** Asks the running shop's mesh on behalf of what changes it step by step, and waits no longer than a change may take. */
import { askMesh } from "../supervisor/control-client.ts";
import type { AskMesh } from "./requests.ts";

/** Another checkout is made ready and started, after whatever else was asked for before. */
const LONGEST_SECONDS = 180;

export function askOf(stateDir: string): AskMesh {
  return (verb, request) => askMesh(stateDir, verb, request, LONGEST_SECONDS);
}
