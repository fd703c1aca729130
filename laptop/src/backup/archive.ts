import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { codeOf, messageOf, RowError } from "@row/topology/row-error.ts";

/** Packs a folder into a tar file; `first` is what comes first in it. */
export async function pack(folder: string, first: string, rest: string, file: string): Promise<void> {
  const complaint = await tar(["-cf", file, "-C", folder, first, rest]);
  if (complaint !== undefined) throw new RowError(`Cannot write ${file}: ${complaint}`);
}

/** Unpacks what a tar file has under a name, as far as it goes; answers what tar says where something is wrong. */
export function unpack(file: string, name: string, folder: string): Promise<string | undefined> {
  return tar(["-xof", file, "-C", folder, name]);
}

async function tar(args: string[]): Promise<string | undefined> {
  const child = spawn("tar", args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, LC_ALL: "C" } });
  const failure = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
  try {
    const [code, complaint] = await Promise.all([failure, text(child.stderr)]);
    return code === 0 ? undefined : (complaint.trim().split("\n")[0] ?? `tar ended with ${code}`);
  } catch (error) {
    if (codeOf(error) === "ENOENT") throw new RowError("Cannot find tar: install it, on Debian `apt-get install tar`");
    throw new RowError(`Cannot run tar: ${messageOf(error)}`);
  }
}
