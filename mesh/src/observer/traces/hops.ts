import { type EndPositions, OUTBOUND_FIELDS } from "../../haproxy/request-line.ts";
import { routeBackendOf } from "../call-edge.ts";
import { LineFields, latin1 } from "../line-fields.ts";
import { GRPC_STATUSES, isFailure } from "../outcome.ts";
import type { Pod } from "../pod.ts";
import { INBOUND } from "../refusals.ts";
import { OUTBOUND } from "../request-lines.ts";
import type { Sidecars } from "../sidecars.ts";
import { readInbound, readOutbound, startUsOf, type TappedRequest } from "../tap.ts";
import type { Span } from "./span.ts";

/** "00-<32 digits>-<16 digits>-<2 digits of flags>"; a later version may have "-" and more behind that. */
const TRACEPARENT_BYTES = 55;
const TRACE_ID_AT = 3;
const SPAN_ID_AT = 36;
const FLAGS_AT = 53;
const ZERO = 0x30;
const MINUS = 0x2d;
const LETTER_F = 0x66;
const NO_DIGIT = -1;

/** The trace that a request belongs to when it is one that is recorded; undefined otherwise. */
export function sampledTraceId(fields: LineFields, at: EndPositions): string | undefined {
  const start = traceparentAt(fields, at);
  return start === undefined || !isSampled(fields.bytes, start + FLAGS_AT) ? undefined : idAt(fields.bytes, start);
}

/** The trace that a request belongs to, recorded or not: of one that fails, its own process keeps the span anyway. */
export function traceIdOf(fields: LineFields, at: EndPositions): string | undefined {
  const start = traceparentAt(fields, at);
  return start === undefined ? undefined : idAt(fields.bytes, start);
}

function idAt(bytes: Uint8Array, start: number): string {
  return latin1(bytes, start + TRACE_ID_AT, start + TRACE_ID_AT + 32);
}

/** Where it begins, if it has a form that is known. */
function traceparentAt(fields: LineFields, at: EndPositions): number | undefined {
  if (fields.count < at.count) return undefined;
  const field = at.traceparent + fields.count - at.count;
  const start = fields.start(field);
  return hasKnownForm(fields.bytes, start, fields.end(field) - start) ? start : undefined;
}

function hasKnownForm(bytes: Uint8Array, start: number, length: number): boolean {
  if (length < TRACEPARENT_BYTES || bytes[start + SPAN_ID_AT - 1] !== MINUS) return false;
  const isFirstVersion = bytes[start] === ZERO && bytes[start + 1] === ZERO;
  const isNoVersion = bytes[start] === LETTER_F && bytes[start + 1] === LETTER_F;
  if (isNoVersion || bytes[start + FLAGS_AT - 1] !== MINUS) return false;
  return length === TRACEPARENT_BYTES || (!isFirstVersion && bytes[start + TRACEPARENT_BYTES] === MINUS);
}

/** Bit 0 of the flags says so; the others say something else. */
function isSampled(bytes: Uint8Array, at: number): boolean {
  const low = digitAt(bytes, at + 1);
  return digitAt(bytes, at) !== NO_DIGIT && low !== NO_DIGIT && low % 2 === 1;
}

function digitAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  if (byte >= ZERO && byte <= 0x39) return byte - ZERO;
  return byte >= 0x61 && byte <= LETTER_F ? byte - 0x57 : NO_DIGIT;
}

/** Makes a span of a sidecar's line; its parent is the span that the request was sent with. */
export function hopSpan(line: Uint8Array, index: number, sidecars: Sidecars): Span {
  const fields = new LineFields();
  fields.split(line);
  const isOutbound = fields.text(OUTBOUND.kind) === OUTBOUND_FIELDS.kind;
  const pod = sidecars.pod(fields.text(isOutbound ? OUTBOUND.instance : INBOUND.instance));
  const request = isOutbound ? readOutbound(fields, target(fields, pod)) : readInbound(fields, pod.service);
  return {
    id: `hop-${index}`,
    parent: request.traceparent.slice(SPAN_ID_AT, SPAN_ID_AT + 16),
    name: isOutbound ? outboundName(request) : inboundName(request),
    kind: request.direction,
    service: pod.service,
    instance: pod.instance,
    startUs: startUsOf(fields, isOutbound ? OUTBOUND : INBOUND),
    durationUs: request.durationUs,
    failed: isFailed(request),
    status: [request.grpcStatus, request.error].filter(Boolean).join(" "),
    attributes: { path: request.path, ...(request.retries > 0 ? { retries: request.retries } : {}) },
  };
}

function target(fields: LineFields, pod: Pod) {
  const server = fields.text(OUTBOUND.server);
  return {
    edge: { pod, to: routeBackendOf(fields.text(OUTBOUND.backend)) },
    server: server === "-" || server === "<NOSRV>" ? "" : server,
  };
}

function outboundName({ service, backend, route, server }: TappedRequest): string {
  const where = server || backend || service || "nobody";
  return route ? `to ${where} by ${route}` : `to ${where}`;
}

function inboundName({ client, route }: TappedRequest): string {
  return `from ${client || "nobody known"}${route ? ` by ${route}` : ""}`;
}

function isFailed({ httpStatus, grpcStatus }: TappedRequest): boolean {
  return isFailure(httpStatus, GRPC_STATUSES.indexOf(grpcStatus));
}
