import { spawn } from "node:child_process";
import { join } from "node:path";
import { removeState } from "@row/laptop/stores/infrastructure.ts";

export interface StartTimes {
  /** Seconds of `npm start -- --detach` on a machine that has not run the shop: databases made, migrated, filled. */
  first: number;
  /** The same once more. */
  again: number;
}

const root = join(import.meta.dirname, "../../..");
const LONGEST_MS = 120_000;

/** Times the command that a user runs, from a terminal's point of view. */
export async function measureStart(stateDir: string, portBase: number): Promise<StartTimes> {
  const env = { ...process.env, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(portBase) };
  const start = async () => {
    try {
      return await npm(["start", "--", "--detach"], env);
    } finally {
      await npm(["run", "row", "--", "down"], env);
    }
  };
  try {
    return { first: await start(), again: await start() };
  } finally {
    removeState(stateDir);
  }
}

async function npm(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const startedAt = performance.now();
  const child = spawn("npm", args, { cwd: root, env, stdio: ["ignore", "ignore", "pipe"], timeout: LONGEST_MS });
  let complaint = "";
  child.stderr.on("data", (chunk) => {
    complaint += chunk;
  });
  const code = await new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  if (code !== 0) throw new Error(`npm ${args.join(" ")} ended with exit code ${code}: ${complaint.trim()}`);
  return (performance.now() - startedAt) / 1_000;
}
