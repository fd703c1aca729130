/** One command to a socket of HAProxy's: a worker's runtime API, or the master's. */
import { connect } from "node:net";

const DEADLINE_MS = 2_000;

/**
 * Gives a command and resolves with the answer. The payload is what follows `<<`; it ends at its first blank line.
 * Rejects with an error that names the command when nobody listens, or no whole answer has come in time (default 2 s).
 */
export async function giveCommand(
  socket: string,
  command: string,
  payload?: string,
  deadlineMs = DEADLINE_MS,
): Promise<string> {
  if (/[\r\n;]/.test(command)) throw new Error(`Cannot give HAProxy "${command}": it is more than one command`);
  if (payload !== undefined && /\n\s*\n/.test(payload)) {
    throw new Error(`Cannot give HAProxy "${command}": its payload has a blank line, which would end it`);
  }
  const text = payload === undefined ? `${command}\n` : `${command} <<\n${payload.trimEnd()}\n\n`;
  try {
    return (await exchange(socket, text, deadlineMs)).trimEnd();
  } catch (error) {
    throw new Error(
      `Cannot give HAProxy "${command}" over ${socket}: ${error instanceof Error ? error.message : error}`,
      {
        cause: error,
      },
    );
  }
}

function exchange(socket: string, text: string, deadlineMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const connection = connect(socket, () => connection.end(text));
    // Of the whole exchange, not of its silences: an answer that trickles in is too late as well.
    const timer = setTimeout(() => connection.destroy(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs);
    connection.setEncoding("utf8");
    connection.on("data", (part: string) => {
      answer += part;
    });
    connection.once("error", reject);
    connection.once("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}
