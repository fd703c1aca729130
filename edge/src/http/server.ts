/** The HTTP/1.1 server: REST, Connect, gRPC-Web, the API's description and the pages. */

import type { Transport } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import type { MethodContract } from "@row/runtime/contract.ts";
import { CARRIED_BYTES } from "@row/runtime/rpc/metadata-limit.ts";
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { ENVELOPE_BYTES } from "../connect/message-form.ts";
import { addRoutes, contextValues, routerOptions } from "../connect/routes.ts";
import type { ServerContext } from "../inbound-call.ts";
import { addPages, PAGE_PATHS } from "../pages/pages.ts";
import type { RestHandler } from "../rest/handler.ts";
import { bodyTooLarge, contentTypeUnsupported, HttpRefusal, hostUnreadable } from "../rest/http-refusal.ts";
import { sendError } from "../rest/reply.ts";
import { answerUnreadable } from "./client-errors.ts";
import { compressHook } from "./compression.ts";
import { corsHook } from "./cors.ts";
import { isHost } from "./host.ts";
import { methodGate } from "./method-gate.ts";
import { closeUnread, readToItsEnd } from "./unread-bodies.ts";

/** The largest body and the largest message that is read, in bytes. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** How long the head of a request may take. */
const HEAD_MS = 10_000;
/** How often Node looks for requests that take too long. */
const CHECK_MS = 5_000;

export interface HttpServerOptions {
  readonly serverContext: ServerContext;
  readonly contracts: readonly MethodContract[];
  readonly rest: RestHandler;
  readonly transport: Transport;
  readonly corsOrigins: readonly string[];
  readonly stopping: AbortSignal;
  readonly openApi: () => string;
  /** How long a connection may stay without use, in milliseconds. */
  readonly unusedMs: number;
  /** Whether the only client is the edge's own sidecar. */
  readonly isBehindSidecar: boolean;
}

export async function createHttpServer(options: HttpServerOptions): Promise<FastifyInstance> {
  const { rest, serverContext } = options;
  const answerError = async (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") await readToItsEnd(request.raw);
    sendError(reply, rest.inbound("no route", request), asRefusal(error, request));
    return reply;
  };
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    logger: false,
    requestIdHeader: false,
    // The edge's own router decides about REST paths; this one sees prefixes only.
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 16_384 },
    frameworkErrors: answerError,
    clientErrorHandler: answerUnreadable,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    // The last address is the one that the sidecar has seen; those before it are what the client claims.
    trustProxy: options.isBehindSidecar && ((_address: string, hop: number) => hop === 0),
    keepAliveTimeout: 65_000,
    requestTimeout: options.unusedMs,
    // A request without a body has nothing to end: its stream costs something and tells nothing.
    http: {
      optimizeEmptyRequests: true,
      // Read as far as sidecars carry it, so that it can be refused in words.
      maxHeaderSize: CARRIED_BYTES,
      headersTimeout: Math.min(HEAD_MS, options.unusedMs),
      connectionsCheckingInterval: Math.min(CHECK_MS, options.unusedMs),
    },
  });
  app.addHook("onRequest", (request, reply, done) => {
    closeUnread(request.raw, reply.raw, MAX_BODY_BYTES + ENVELOPE_BYTES);
    reply.headers(SECURITY_HEADERS);
    done();
  });
  app.addHook("onRequest", corsHook(options.corsOrigins));
  app.addHook("onRequest", methodGate(rest, options.contracts, PAGE_PATHS));
  app.addHook("onSend", compressHook);
  app.setErrorHandler(answerError);
  // Methods that Fastify has no routes for are the REST router's to judge all the same.
  app.setNotFoundHandler(rest.handle);

  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.all("/v1/*", rest.handle);
    scope.all("/.well-known/*", rest.handle);
  });
  await app.register(async (scope) => {
    scope.addHook("onRequest", (request, _reply, done) => {
      done(isHost(request.headers.host) ? undefined : hostUnreadable());
    });
    await scope.register(fastifyConnectPlugin, {
      ...routerOptions(serverContext, MAX_BODY_BYTES),
      // gRPC itself has trailers, which HTTP/1.1 clients do not read: it is served on the h2c port.
      grpc: false,
      contextValues: (request) => contextValues({ ip: request.ip, rawHeaders: request.raw.rawHeaders }),
      routes: (router) => addRoutes(router, options.contracts, options.transport, MAX_BODY_BYTES, options.stopping),
    });
  });
  addPages(app, options.openApi);
  return app;
}

/** Answers are data, not pages: nothing in them may run, be framed or be guessed at. */
const SECURITY_HEADERS = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  // Pages of other origins read answers through CORS alone, and never embed them.
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** What Fastify refuses before a handler sees it. */
function asRefusal(error: FastifyError, request: FastifyRequest): Error {
  switch (error.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return bodyTooLarge(MAX_BODY_BYTES);
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return contentTypeUnsupported(request.headers["content-type"]);
  }
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) return error;
  return new HttpRefusal(
    { httpStatus: status, kind: "invalid", reason: "MALFORMED_MESSAGE" },
    `Cannot read the request: ${error.message}`,
  );
}
