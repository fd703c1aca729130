/** Commands to a socket of HAProxy's: a worker's runtime API, or the master's. */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const DEADLINE_MS = 2_000;
const KNOCK_AGAIN_MS = 20;

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

/**
 * Gives several commands, each without a payload, over one connection and resolves with an answer for each. Rejects when
 * nobody listens, or not all answers have come in time (default 2 s): some of the commands may be done then.
 */
export async function giveCommands(
  socket: string,
  commands: readonly string[],
  deadlineMs = DEADLINE_MS,
): Promise<string[]> {
  for (const command of commands) {
    if (/[\r\n;]/.test(command)) throw new Error(`Cannot give HAProxy "${command}": it is more than one command`);
  }
  const shown = commands.length === 1 ? commands[0] : `${commands[0]}" and ${commands.length - 1} more, "`;
  const cannot = (reason: unknown) => new Error(`Cannot give HAProxy "${shown}" over ${socket}: ${reason}`);
  // Only after a prompt is it sure where an answer ends: one may be empty, another hold empty lines.
  const text = await exchange(socket, `${["prompt", ...commands, "quit"].join("\n")}\n`, deadlineMs).catch((error) => {
    throw cannot(error instanceof Error ? error.message : error);
  });
  const [, ...answers] = text.split("\n> ");
  if (answers.length <= commands.length) throw cannot(`it answered ${answers.length} of ${commands.length} commands`);
  return answers.slice(0, commands.length).map((answer) => answer.trimEnd());
}

/** Connects again while more wait for HAProxy than its queue holds (EAGAIN): nothing was given to it then. */
async function exchange(socket: string, text: string, deadlineMs: number): Promise<string> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await exchangeOnce(socket, text, Math.max(1, end - performance.now()), deadlineMs);
    } catch (error) {
      const isFull = error instanceof Error && "code" in error && error.code === "EAGAIN";
      if (!isFull || performance.now() + KNOCK_AGAIN_MS >= end) throw error;
      await sleep(KNOCK_AGAIN_MS);
    }
  }
}

function exchangeOnce(socket: string, text: string, leftMs: number, deadlineMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const connection = connect(socket, () => connection.end(text));
    // Of the whole exchange, not of its silences: an answer that trickles in is too late as well.
    const timer = setTimeout(() => connection.destroy(new Error(`no answer within ${deadlineMs} ms`)), leftMs);
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
