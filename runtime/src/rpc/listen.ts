/** Listening where only the owner of a file may call. */
import { chmod, lstat, rm } from "node:fs/promises";
import { connect } from "node:net";

/**
 * Runs `listen`, which binds `address`. For "unix:/path" a socket that a killed process left behind is removed
 * first, and the new one can be opened by its owner only. Node removes it when the server closes.
 */
export async function listenAt(address: string, listen: () => Promise<unknown>): Promise<void> {
  const path = address.startsWith("unix:") ? address.slice("unix:".length) : undefined;
  if (path === undefined) {
    await listen();
    return;
  }
  await removeStale(path);
  await listen();
  await chmod(path, 0o600);
}

async function removeStale(path: string): Promise<void> {
  const file = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (!file) return;
  if (!file.isSocket()) throw new Error(`Cannot listen on ${path}: it is a file and not a socket, remove it`);
  if (await answers(path)) throw new Error(`Cannot listen on ${path}: another process listens there, stop it first`);
  await rm(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(true)).on("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
