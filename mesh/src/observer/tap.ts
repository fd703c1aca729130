import type { ServerResponse } from "node:http";
import type { EndPositions } from "../haproxy/request-line.ts";
import type { CallEdge } from "./call-edge.ts";
import type { LineFields } from "./line-fields.ts";
import { ERRORS, errorOf, GRPC_STATUSES, grpcStatusOf } from "./outcome.ts";
import { INBOUND } from "./refusals.ts";
import { OUTBOUND, type Target } from "./request-lines.ts";
import type { Sidecars } from "./sidecars.ts";
import { concerns } from "./stat.ts";

/** One line of GET /tap: a request, or how many were left out because they came faster than they were read. */
export type TapLine = TappedRequest | { readonly lost: number };

export interface TappedRequest {
  /** outbound: as a client's sidecar saw it; inbound: refused by the sidecar of who was called. */
  readonly direction: "outbound" | "inbound";
  /** RFC 3339, with microseconds. */
  readonly time: string;
  /** The instance, or for inbound the caller's identity, "orders.shop"; empty for none. */
  readonly client: string;
  readonly service: string;
  readonly backend: string;
  readonly route: string;
  /** The instance that answered; empty when none did. */
  readonly server: string;
  readonly path: string;
  readonly httpStatus: number;
  /** "OK"; empty when the client gave up before. */
  readonly grpcStatus: string;
  /** Why there was no answer, as in the metrics, or why it was refused: deny, no-route, rate-limited. */
  readonly error: string;
  readonly durationUs: number;
  readonly retries: number;
  readonly traceparent: string;
}

/** What a reader may be behind. */
const MOST_BEHIND_BYTES = 256 * 1024;
const MOST_READERS = 16;
/** An empty line as often: Node's fetch (undici's `bodyTimeout`) gives up a stream that is silent for 300 s. */
const HEARTBEAT_MS = 10_000;

interface Reader {
  readonly response: ServerResponse;
  readonly service: string;
  lost: number;
}

/** Shows requests to whoever looks; costs nothing while nobody does. */
export class Taps {
  readonly #readers = new Set<Reader>();
  readonly #sidecars: Pick<Sidecars, "pod">;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(sidecars: Pick<Sidecars, "pod">, heartbeatMs = HEARTBEAT_MS) {
    this.#sidecars = sidecars;
    this.#heartbeat = setInterval(() => {
      for (const reader of this.#readers) write(reader, "\n", 0);
    }, heartbeatMs);
  }

  /** False when too many look already. */
  open(response: ServerResponse, service: string): boolean {
    if (this.#readers.size >= MOST_READERS) return false;
    const reader = { response, service, lost: 0 };
    this.#readers.add(reader);
    response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
    response.flushHeaders();
    response.on("drain", () => tellLoss(reader));
    response.once("close", () => this.#readers.delete(reader));
    return true;
  }

  outbound(fields: LineFields, target: Target): void {
    if (this.#readers.size === 0) return;
    let text = "";
    for (const reader of this.#readers) {
      if (reader.service && !concerns(target.edge, reader.service)) continue;
      text ||= `${JSON.stringify(readOutbound(fields, target))}\n`;
      write(reader, text);
    }
  }

  inbound(fields: LineFields): void {
    if (this.#readers.size === 0) return;
    const pod = this.#sidecars.pod(fields.text(INBOUND.instance));
    let text = "";
    for (const reader of this.#readers) {
      if (reader.service && ![pod.service, `${pod.service}-${pod.version}`, pod.instance].includes(reader.service)) {
        continue;
      }
      text ||= `${JSON.stringify(readInbound(fields, pod.service))}\n`;
      write(reader, text);
    }
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const { response } of this.#readers) response.end();
  }
}

function write(reader: Reader, text: string, requests = 1): void {
  if (reader.response.writableLength > MOST_BEHIND_BYTES) {
    reader.lost += requests;
    return;
  }
  tellLoss(reader);
  reader.response.write(text);
}

function tellLoss(reader: Reader): void {
  if (reader.lost === 0) return;
  reader.response.write(`${JSON.stringify({ lost: reader.lost } satisfies TapLine)}\n`);
  reader.lost = 0;
}

export function readOutbound(
  fields: LineFields,
  { edge, server }: { edge: Pick<CallEdge, "pod" | "to">; server: string },
): TappedRequest {
  const httpStatus = fields.number(OUTBOUND.httpStatus);
  const grpcStatus = grpcStatusOf(httpStatus, fields.number(OUTBOUND.grpcStatus));
  const [first, second] = [fields.byte(OUTBOUND.termination), fields.byte(OUTBOUND.termination, 1)];
  return {
    direction: "outbound",
    client: edge.pod.instance,
    service: edge.to.parent,
    backend: edge.to.backend,
    route: edge.to.route,
    server,
    httpStatus,
    grpcStatus: GRPC_STATUSES[grpcStatus] ?? "",
    error: ERRORS[errorOf(first, second, grpcStatus, server !== "")] ?? "",
    durationUs: Math.max(0, fields.number(OUTBOUND.durationUs)),
    retries: Math.max(0, fields.number(OUTBOUND.retries)),
    ...readEnd(fields, OUTBOUND),
  };
}

export function readInbound(fields: LineFields, service: string): TappedRequest {
  const httpStatus = fields.number(INBOUND.httpStatus);
  const decision = fields.text(INBOUND.decision);
  return {
    direction: "inbound",
    client: fields.optional(INBOUND.caller),
    service,
    backend: "",
    route: fields.optional(INBOUND.route),
    server: fields.text(INBOUND.instance),
    httpStatus,
    grpcStatus: GRPC_STATUSES[grpcStatusOf(httpStatus, fields.number(INBOUND.grpcStatus))] ?? "",
    error: decision === "allow" ? "" : decision,
    durationUs: Math.max(0, fields.number(INBOUND.durationUs)),
    retries: 0,
    ...readEnd(fields, INBOUND),
  };
}

/** The path, which may itself hold a "|", and what follows it; a line that was cut short has nothing there. */
function readEnd(fields: LineFields, at: EndPositions): { path: string; traceparent: string; time: string } {
  const inPath = fields.count - at.count;
  if (inPath < 0)
    return { path: fields.text(at.path, fields.count - 1), traceparent: "", time: rfc3339(Date.now() * 1_000) };
  return {
    path: fields.text(at.path, at.path + inPath),
    traceparent: fields.optional(at.traceparent + inPath),
    time: rfc3339(startUsOf(fields, at)),
  };
}

/** When a request began, µs since the epoch; now where the line does not say. */
export function startUsOf(fields: LineFields, at: EndPositions): number {
  const us = fields.number(at.startUs + fields.count - at.count);
  return us > 0 ? us : Date.now() * 1_000;
}

function rfc3339(at: number): string {
  const seconds = new Date(Math.floor(at / 1_000)).toISOString().slice(0, -1);
  return `${seconds}${String(Math.floor(at) % 1_000).padStart(3, "0")}Z`;
}
