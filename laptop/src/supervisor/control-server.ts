import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { messageOf } from "@row/topology/row-error.ts";
import type { ShopStatus } from "../shop/shop-status.ts";
import type { MeshControl, MeshVerb } from "../sidecars/requests.ts";
import { controlSocket } from "./control-socket.ts";

/** What can be asked of a running shop from another terminal. */
export interface Controlled {
  status(): Promise<ShopStatus>;
  stop(): Promise<void>;
  restart(name: string): Promise<void>;
  halt(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /** Throws when the shop runs without the mesh. */
  readonly meshControl: MeshControl;
}

/** Serves the control socket; the returned function closes it. */
export async function serveControl(stateDir: string, shop: Controlled): Promise<() => Promise<void>> {
  const address = controlSocket(stateDir);
  rmSync(join(stateDir, "control.sock"), { force: true });
  const server = createServer((request, response) => {
    answer(request, shop).then(
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

async function answer(request: IncomingMessage, shop: Controlled): Promise<object> {
  const { method, url } = request;
  const [, resource, name, verb] = (url ?? "").split("/").map(decodeURIComponent);
  if (method === "GET" && resource === "status") return shop.status();
  if (method === "POST" && resource === "stop") {
    // Not awaited: the answer must leave before the socket closes.
    void shop.stop();
    return {};
  }
  if (method === "POST" && resource === "processes" && name) {
    if (verb === "restart") await shop.restart(name);
    else if (verb === "halt") await shop.halt(name);
    else if (verb === "resume") await shop.resume(name);
    else throw new Error(`Unknown verb ${verb}`);
    return {};
  }
  if (method === "POST" && resource === "mesh" && name && Object.hasOwn(shop.meshControl, name)) {
    // The verb and the body are what control-client.ts, the only client, sends.
    const act = shop.meshControl[name as MeshVerb] as (body: unknown) => Promise<object>;
    return act(await json(request));
  }
  throw new Error(`Unknown request ${method} ${url}`);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify(body));
}
