/** Which web pages of other origins may call. There are no cookies here: a page needs the user's token anyway. */
import { cors } from "@connectrpc/connect";
import { BAGGAGE_HEADERS } from "@row/runtime/rpc/baggage.ts";
import type { FastifyReply, FastifyRequest } from "fastify";

const REST_HEADERS = [
  ...BAGGAGE_HEADERS,
  "authorization",
  "idempotency-key",
  "if-none-match",
  "last-event-id",
  "x-correlation-id",
  "x-server-timeout",
];
const ALLOWED_METHODS = [...new Set([...cors.allowedMethods, "PUT", "PATCH", "DELETE"])].join(", ");
const ALLOWED_HEADERS = [...cors.allowedHeaders, ...REST_HEADERS].join(", ");
const EXPOSED_HEADERS = [
  ...cors.exposedHeaders,
  "etag",
  "x-correlation-id",
  "x-served-by",
  "x-injected",
  "www-authenticate",
].join(", ");
const MAX_AGE_SECONDS = "7200";

/** An origin as "https://shop.example", or "http://localhost:*" for any port. */
export function allowsOrigin(allowed: readonly string[], origin: string): boolean {
  return allowed.some((one) => {
    if (!one.endsWith(":*")) return one === origin;
    const host = one.slice(0, -2);
    return origin === host || (origin.startsWith(`${host}:`) && /^\d{1,5}$/.test(origin.slice(host.length + 1)));
  });
}

/** A Fastify hook that answers preflights and marks answers that a page of another origin may read. */
export function corsHook(allowed: readonly string[]) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const { origin } = request.headers;
    const isAllowed = origin !== undefined && allowsOrigin(allowed, origin);
    // Also of an answer without one: a shared cache would give it to a page of another origin (Fetch standard, CORS and caches).
    reply.header("vary", "Origin");
    if (isAllowed) reply.header("access-control-allow-origin", origin);
    if (isAllowed && isPreflight(request)) {
      reply
        .code(204)
        .header("access-control-allow-methods", ALLOWED_METHODS)
        .header("access-control-allow-headers", ALLOWED_HEADERS)
        .header("access-control-max-age", MAX_AGE_SECONDS)
        .send();
      return;
    }
    if (isAllowed) reply.header("access-control-expose-headers", EXPOSED_HEADERS);
    done();
  };
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
}
