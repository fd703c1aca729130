/** Whether the state folder can be written, and its secrets read by their owner alone. */
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { bad, type Finding, good } from "./finding.ts";

const OTHERS = 0o077;

export function checkState(stateDir: string): Finding[] {
  if (!existsSync(stateDir)) return [good("state", `${stateDir} is not there yet: a start makes it`)];
  const { uid } = statSync(stateDir);
  const me = process.getuid?.();
  if (me !== undefined && uid !== me) {
    const advice = "run `row` as its owner, or choose another folder with ROW_STATE_DIR";
    return [bad("state", `${stateDir} belongs to the user ${uid}, and this is ${me}`, advice)];
  }
  try {
    accessSync(stateDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return [bad("state", `${stateDir} cannot be written`, `run \`chmod u+rwx ${stateDir}\``)];
  }
  const open = secretFiles(stateDir).filter((file) => (statSync(file).mode & OTHERS) !== 0);
  if (open.length === 0) return [good("state", `${stateDir}, its secrets for their owner alone`)];
  return open.map((file) => bad("state", `${file} can be read by others`, `run \`chmod 600 ${file}\``));
}

function secretFiles(stateDir: string): string[] {
  const identity = join(stateDir, "mesh/identity");
  const keys = existsSync(identity) ? readdirSync(identity).filter((name) => /\.(key|pem)$/.test(name)) : [];
  return [join(stateDir, "secrets.json"), ...keys.map((name) => join(identity, name))].filter((file) =>
    existsSync(file),
  );
}
