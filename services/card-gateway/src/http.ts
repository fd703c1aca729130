import { hash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Charge, ChargeAct } from "./charge.ts";
import type { Entry, Gateway } from "./gateway.ts";
import { Malformed, parseAuthorization, parseKey, parseReference, parseStep } from "./parse-request.ts";

export interface HttpContext {
  gateway: Gateway;
  slowAnswerMs: number;
  /** Fires when the process drains: answers that are late on purpose are then given at once. */
  draining: AbortSignal;
}

const maxBodyBytes = 16 * 1024;

export async function handle(door: HttpContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await route(door, request, response);
  } catch (error) {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    if (error instanceof Malformed) {
      const { field, message } = error;
      return reply(response, 400, { error: { code: "malformed", field, message } });
    }
    console.error(JSON.stringify({ level: "error", msg: "Cannot answer", error: String(error) }));
    reply(response, 500, { error: { code: "internal", message: "Cannot answer: internal error" } });
  }
}

async function route(door: HttpContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = "/"] = (request.url ?? "/").split("?");
  const [v1, collection, reference, step, ...rest] = path.slice(1).split("/");
  if (v1 === "v1" && rest.length === 0) {
    if (collection === "log" && reference === undefined && request.method === "GET") return sendLog(door, response);
    if (collection === "authorizations") {
      if (reference === undefined && request.method === "POST") {
        return act(door, request, response, parseAuthorization);
      }
      if (reference !== undefined && step === undefined && request.method === "GET") {
        return sendCharge(door, reference, response);
      }
      if (reference !== undefined && isStep(step) && request.method === "POST") {
        return act(door, request, response, (body) => parseStep(step, reference, body));
      }
    }
  }
  reply(response, 404, { error: { code: "no_such_path", message: `Cannot ${request.method} ${path}: no such path` } });
}

async function act(
  door: HttpContext,
  request: IncomingMessage,
  response: ServerResponse,
  parse: (body: string) => ChargeAct,
): Promise<void> {
  const key = parseKey(request.headers["idempotency-key"]);
  const act = parse(await readBody(request));
  const answer = await door.gateway.act(act, key, fingerprint(act));
  switch (answer.kind) {
    case "key-reused":
      return reply(response, 409, {
        error: { code: "key_reused", message: `Cannot ${act.action} "${act.reference}": key used for another request` },
      });
    case "unavailable":
      return reply(response, 503, { error: { code: "unavailable", message: "Cannot authorize: try again" } });
    case "entry": {
      const late = act.action === "authorize" && act.token === "tok_timeout" && !answer.repeated;
      if (late) await outlast(door, response);
      return replyWith(response, answer.entry);
    }
  }
}

/** Done already, and on disk; the caller does not learn of it in time. */
async function outlast(door: HttpContext, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  await sleep(door.slowAnswerMs, undefined, { signal: AbortSignal.any([gone.signal, door.draining]) }).catch(() => {});
}

function replyWith(response: ServerResponse, entry: Entry): void {
  const { reference, charge, refusal } = entry;
  const status = refusal === undefined ? 200 : refusal.code === "unknown_reference" ? 404 : 409;
  reply(response, status, { error: refusal, ...view(reference, charge) });
}

async function sendCharge(door: HttpContext, text: string, response: ServerResponse): Promise<void> {
  const reference = parseReference(text);
  const charge = await door.gateway.charge(reference);
  if (charge !== undefined) return reply(response, 200, view(reference, charge));
  const message = `Cannot find "${reference}": never seen`;
  reply(response, 404, { error: { code: "unknown_reference", message }, reference });
}

async function sendLog(door: HttpContext, response: ServerResponse): Promise<void> {
  const log = await door.gateway.log();
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  await pipeline(log, response);
}

function view(reference: string, charge: Charge | undefined): object {
  return { reference, ...charge };
}

/** What makes two requests the same, without keeping the token. */
function fingerprint(act: ChargeAct): string {
  const fields =
    act.action === "authorize"
      ? [act.action, act.reference, act.amountMinor, act.currency, act.token]
      : [act.action, act.reference];
  return hash("sha256", JSON.stringify(fields), "base64url");
}

function isStep(step: string | undefined): step is "capture" | "void" | "refund" {
  return step === "capture" || step === "void" || step === "refund";
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new Malformed("body", `longer than ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export function reply(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
