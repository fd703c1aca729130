import { connect } from "node:net";

const LONGEST_MS = 2_000;

/** Gives commands to HAProxy's runtime API and answers with what it printed; rejects when nobody listens there. */
export function runtimeCommand(socket: string, ...commands: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const connection = connect(socket, () => connection.end(`${commands.join(";")}\n`));
    connection.setTimeout(LONGEST_MS, () => connection.destroy(new Error(`${socket} does not answer`)));
    connection.setEncoding("utf8");
    connection.on("data", (text) => {
      answer += text;
    });
    connection.once("error", reject);
    connection.once("close", () => resolve(answer));
  });
}
