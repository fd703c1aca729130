import { request } from "node:http";
import { text } from "node:stream/consumers";
import type { LoadWish } from "@row/load/load-job.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { ShopStatus } from "../shop/shop-status.ts";
import type { AnswerOf, MeshVerb, RequestOf } from "../sidecars/requests.ts";
import type { ProcessBody, ProcessVerb } from "./control-server.ts";
import { controlSocket } from "./control-socket.ts";
import { supervisorOf } from "./lock.ts";
import { leftoversOf } from "./run-record.ts";

export class NotRunning extends RowError {
  constructor(stateDir: string) {
    const leftovers = leftoversOf(stateDir).length;
    super(
      leftovers > 0
        ? `The supervisor of this shop has ended, while ${leftovers} processes go on: see \`npx row status\`, or start it anew with "npm start"`
        : 'The shop is not running: start it with "npm start"',
    );
  }
}

/** The status of the running shop; refuses when none runs. */
export function askStatus(stateDir: string): Promise<ShopStatus> {
  return ask<ShopStatus>(stateDir, "GET", "/status");
}

export async function askStop(stateDir: string): Promise<void> {
  await ask(stateDir, "POST", "/stop");
}

/** Does something to a process of the running shop, or to every instance of a service; answers the names of those. */
export async function askProcess<Verb extends ProcessVerb>(
  stateDir: string,
  verb: Verb,
  name: string,
  ...body: ProcessBody<Verb>
): Promise<string[]> {
  const path = `/processes/${encodeURIComponent(name)}/${verb}`;
  return (await ask<{ instances: string[] }>(stateDir, "POST", path, body[0] ?? {})).instances;
}

/** Has the running shop load itself; resolves when requests begin. */
export async function askLoad(stateDir: string, wish: LoadWish): Promise<void> {
  await ask(stateDir, "POST", "/load/start", wish);
}

/** Ends the load that the running shop makes on itself; answers whether there was one. */
export async function askLoadStop(stateDir: string): Promise<boolean> {
  return (await ask<{ wasThere: boolean }>(stateDir, "POST", "/load/stop")).wasThere;
}

/**
 * Asks the mesh of the running shop; refuses when none runs, or it runs without the mesh.
 * @param seconds how long to wait for a change, which is taken back when it took longer; to its end when absent
 */
export function askMesh<Verb extends MeshVerb>(
  stateDir: string,
  verb: Verb,
  body: RequestOf<Verb>,
  seconds?: number,
): Promise<AnswerOf<Verb>> {
  return ask<AnswerOf<Verb>>(stateDir, "POST", `/mesh/${verb}`, body, seconds);
}

async function ask<Answer>(
  stateDir: string,
  method: string,
  path: string,
  body?: object,
  seconds?: number,
): Promise<Answer> {
  if (!supervisorOf(stateDir)) throw new NotRunning(stateDir);
  const late = seconds === undefined ? undefined : AbortSignal.timeout(seconds * 1_000);
  const where = { socketPath: controlSocket(stateDir), method, path, agent: false, ...(late && { signal: late }) };
  return new Promise((resolve, reject) => {
    const outgoing = request(where, async (response) => {
      try {
        const answer = JSON.parse(await text(response));
        if (response.statusCode === 200) resolve(answer);
        else reject(new RowError(answer.message));
      } catch {
        reject(new RowError("The shop ended before it answered"));
      }
    });
    outgoing.once("error", () =>
      reject(late?.aborted ? new RowError(`The shop did not answer within ${seconds} s`) : new NotRunning(stateDir)),
    );
    outgoing.end(body && JSON.stringify(body));
  });
}
