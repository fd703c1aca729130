/** Listening where only the owner of a file may call. */
import { chmod, lstat, rename, rm } from "node:fs/promises";
import { connect } from "node:net";

interface Listening {
  /** Whether to take a socket over from a process that still listens there and will end after this one has begun. */
  readonly takesOver?: boolean;
}

/** Ends what `listenAt` began: removes the socket's file, unless another process has taken over its place. */
export type Unlist = () => Promise<void>;

/**
 * Has `listen` bind `address`. For "unix:/path" it is given another path first, whose socket then gets that name: so the place of a
 * socket that a killed process left behind, or one that is taken over, is never empty. Only its owner can open the new one.
 */
export async function listenAt(
  address: string,
  listen: (address: string) => Promise<unknown>,
  { takesOver = false }: Listening = {},
): Promise<Unlist> {
  const path = address.startsWith("unix:") ? address.slice("unix:".length) : undefined;
  if (path === undefined) {
    await listen(address);
    return async () => {};
  }
  await checkPlace(path, takesOver);
  const bound = `${path}.new`;
  await rm(bound, { force: true });
  await listen(`unix:${bound}`);
  await chmod(bound, 0o600);
  const { ino } = await lstat(bound);
  await rename(bound, path);
  return async () => {
    const now = await lstat(path).catch(() => undefined);
    if (now?.ino === ino) await rm(path, { force: true });
  };
}

async function checkPlace(path: string, takesOver: boolean): Promise<void> {
  const file = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (!file) return;
  if (!file.isSocket()) throw new Error(`Cannot listen on ${path}: it is a file and not a socket, remove it`);
  if (!takesOver && (await answers(path)))
    throw new Error(`Cannot listen on ${path}: another process listens there, stop it first`);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(true)).on("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
