/** Writes answers: headers that every answer has, ETags, errors. */
import type { OutgoingHttpHeaders } from "node:http";
import type { DescMessage } from "@bufbuild/protobuf";
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import type { FastifyReply, FastifyRequest } from "fastify";
import { chooseCoding, compress, isWorthCompressing, varyingByEncoding } from "../http/compression.ts";
import { entityTag, namesTag } from "../http/entity-tag.ts";
import type { InboundCall } from "../inbound-call.ts";
import { fromThrown } from "../rpc-error.ts";
import type { Binding } from "./binding.ts";
import { httpStatusOf, statusJson } from "./error-status.ts";
import { HttpRefusal } from "./http-refusal.ts";

const JSON_TYPE = "application/json; charset=utf-8";

/** Answers 200 with JSON, or 304 when the caller has it already. */
export function sendJson(
  request: FastifyRequest,
  reply: FastifyReply,
  binding: Binding,
  inbound: InboundCall,
  text: string,
): void {
  // What hooks have set: Fastify's type is for any value, these are strings.
  const headers = reply.getHeaders() as OutgoingHttpHeaders;
  Object.assign(headers, inbound.answerHeaders);
  headers["cache-control"] = cacheControl(binding);
  let status = 200;
  if (binding.httpMethod === "GET") {
    const etag = entityTag(text);
    headers.etag = etag;
    if (namesTag(request.headers["if-none-match"], etag)) status = 304;
  }
  let body: string | Buffer | undefined = status === 200 ? text : undefined;
  if (isWorthCompressing(text)) {
    headers.vary = varyingByEncoding(headers.vary);
    const coding = body === undefined ? undefined : chooseCoding(request.headers["accept-encoding"]);
    if (coding !== undefined) {
      headers["content-encoding"] = coding;
      body = compress(text, coding);
    }
  }
  if (body !== undefined) {
    headers["content-type"] = JSON_TYPE;
    headers["content-length"] = Buffer.byteLength(body);
  }
  // Not by reply.send, which finds out about types, trailers and hooks what is known here.
  reply.raw.writeHead(status, headers).end(body);
  reply.hijack();
  inbound.finish(status);
}

/** Answers an error as google.rpc.Status in JSON. */
export function sendError(reply: FastifyReply, inbound: InboundCall, thrown: unknown, input?: DescMessage): void {
  const { error, isBug } = fromThrown(thrown, inbound.correlationId);
  const status = thrown instanceof HttpRefusal ? thrown.httpStatus : httpStatusOf(error);
  const headers = headersOf(inbound);
  headers["content-type"] = JSON_TYPE;
  headers["cache-control"] = "no-store";
  if (status === 401) headers["www-authenticate"] = challengeOf(inbound);
  if (status === 429 || status === 503) headers["retry-after"] = "1";
  if (thrown instanceof HttpRefusal) Object.assign(headers, thrown.headers);
  reply
    .code(status)
    .headers(headers)
    .send(JSON.stringify(statusJson(error, input)));
  inbound.finish(status, isBug ? thrown : undefined);
}

/** The headers that every answer to a request has. */
export function headersOf(inbound: InboundCall): OutgoingHttpHeaders & Record<string, string> {
  return inbound.answerHeaders;
}

/** RFC 6750: the error is named only when a token was sent. */
function challengeOf({ sentToken }: InboundCall): string {
  return sentToken ? 'Bearer realm="shop", error="invalid_token"' : 'Bearer realm="shop"';
}

function cacheControl({ httpMethod, contract }: Binding): string {
  if (httpMethod !== "GET") return "no-store";
  return contract.access === Access.PUBLIC ? "no-cache" : "private, no-cache";
}
