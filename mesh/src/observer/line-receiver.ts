import { createSocket, type Socket } from "node:dgram";
import type { Loopback } from "./config.ts";

/** Bursts wait here while something else is done; Linux gives less where net.core.rmem_max is lower. */
export const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;

/** What receives request lines. `bufferBytes`: what the kernel gives for them, of `wantedBytes`. */
export interface LineReceiver {
  readonly bufferBytes: number;
  readonly wantedBytes: number;
  close(): Promise<void>;
}

/** Listens for request lines, one to a datagram, and says in which second of this process each came; rejects when the port is taken. */
export async function receiveLines(
  { host, port }: Loopback,
  onLine: (bytes: Uint8Array, second: number) => void,
): Promise<LineReceiver> {
  const socket = createSocket({ type: "udp4", recvBufferSize: RECEIVE_BUFFER_BYTES });
  socket.on("message", (bytes) => onLine(bytes, Math.floor(performance.now() / 1_000)));
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, host, resolve);
  });
  return {
    bufferBytes: bufferBytes(socket),
    wantedBytes: RECEIVE_BUFFER_BYTES,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** Linux counts its own bookkeeping in and answers with twice what was asked for. */
function bufferBytes(socket: Socket): number {
  const bytes = socket.getRecvBufferSize();
  return process.platform === "linux" ? bytes / 2 : bytes;
}
