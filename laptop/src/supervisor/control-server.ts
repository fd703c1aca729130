import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import type { LoadWish } from "@row/load/load-job.ts";
import { messageOf } from "@row/topology/row-error.ts";
import type { ShopStatus } from "../shop/shop-status.ts";
import type { MeshControl, MeshVerb } from "../sidecars/requests.ts";
import { controlSocket } from "./control-socket.ts";

/** What can be asked of a running shop from another terminal. */
export interface Controlled {
  status(): Promise<ShopStatus>;
  stop(): Promise<void>;
  instances(name: string): string[];
  restart(name: string): Promise<void>;
  halt(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  kill(name: string, signal: NodeJS.Signals): void;
  pause(name: string, ms: number): void;
  unpause(name: string): void;
  readonly load: ControlledLoad;
  /** Throws when the shop runs without the mesh. */
  readonly meshControl: MeshControl;
}

/** The load that a shop makes on itself. */
interface ControlledLoad {
  start(wish: LoadWish): Promise<void>;
  /** Whether there was one. */
  stop(): Promise<boolean>;
}

/** What can be done to processes, and what has to be said with it. */
interface ProcessVerbs {
  stop: [];
  start: [];
  restart: [];
  kill: [{ signal: NodeJS.Signals }];
  pause: [{ ms: number }];
  resume: [];
}

export type ProcessVerb = keyof ProcessVerbs;
export type ProcessBody<Verb extends ProcessVerb> = ProcessVerbs[Verb];

const PROCESS_VERBS: {
  readonly [Verb in ProcessVerb]: (shop: Controlled, name: string, ...body: ProcessVerbs[Verb]) => unknown;
} = {
  stop: (shop, name) => each(shop, name, (instance) => shop.halt(instance)),
  start: (shop, name) => each(shop, name, (instance) => shop.resume(instance)),
  // In turn, so that of a service something always serves.
  restart: (shop, name) => shop.restart(name),
  kill: (shop, name, { signal }) => each(shop, name, (instance) => shop.kill(instance, signal)),
  pause: (shop, name, { ms }) => each(shop, name, (instance) => shop.pause(instance, ms)),
  resume: (shop, name) => each(shop, name, (instance) => shop.unpause(instance)),
};

function each(shop: Controlled, name: string, act: (instance: string) => unknown): Promise<unknown> {
  return Promise.all(shop.instances(name).map(async (instance) => act(instance)));
}

/** Serves the control socket; the returned function closes it. */
export async function serveControl(stateDir: string, shop: Controlled): Promise<() => Promise<void>> {
  const address = controlSocket(stateDir);
  rmSync(join(stateDir, "control.sock"), { force: true });
  const server = createServer((request, response) => {
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort(new Error("whoever asked for it is gone"));
    });
    answer(request, shop, gone.signal).then(
      (body) => send(response, 200, body),
      (error) => send(response, 400, { message: messageOf(error) }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, resolve);
  });
  return async () => {
    server.close();
    server.closeIdleConnections();
    rmSync(join(stateDir, "control.sock"), { force: true });
  };
}

/** @param signal aborted when nobody waits for the answer any more */
async function answer(request: IncomingMessage, shop: Controlled, signal: AbortSignal): Promise<object> {
  const { method, url } = request;
  const [, resource, name, verb] = (url ?? "").split("/").map(decodeURIComponent);
  if (method === "GET" && resource === "status") return shop.status();
  if (method === "POST" && resource === "stop") {
    // Not awaited: the answer must leave before the socket closes.
    void shop.stop();
    return {};
  }
  if (method === "POST" && resource === "processes" && name) {
    if (!verb || !Object.hasOwn(PROCESS_VERBS, verb)) throw new Error(`Unknown verb ${verb}`);
    // The verb and the body are what control-client.ts, the only client, sends.
    const act = PROCESS_VERBS[verb as ProcessVerb] as (shop: Controlled, name: string, body: unknown) => unknown;
    const instances = shop.instances(name);
    await act(shop, name, await json(request));
    return { instances };
  }
  if (method === "POST" && resource === "load" && name === "start") {
    // What control-client.ts, the only client, sends.
    await shop.load.start((await json(request)) as LoadWish);
    return {};
  }
  if (method === "POST" && resource === "load" && name === "stop") return { wasThere: await shop.load.stop() };
  if (method === "POST" && resource === "mesh" && name && Object.hasOwn(shop.meshControl, name)) {
    // The verb and the body are what control-client.ts, the only client, sends.
    const act = shop.meshControl[name as MeshVerb] as (body: unknown, signal: AbortSignal) => Promise<object>;
    return act(await json(request), signal);
  }
  throw new Error(`Unknown request ${method} ${url}`);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify(body));
}
