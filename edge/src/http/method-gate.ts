/** Refuses methods that nobody declared for a path, before anything else of the request is looked at. */
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { MethodContract } from "@row/runtime/contract.ts";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { RestHandler } from "../rest/handler.ts";
import { type HttpRefusal, methodNotAllowed, pathNotFound } from "../rest/http-refusal.ts";
import { sendError } from "../rest/reply.ts";

const REST_PATH = /^\/(v1|\.well-known)\//;

/** A Fastify hook; `pages` are the paths that are only read. */
export function methodGate(rest: RestHandler, contracts: readonly MethodContract[], pages: readonly string[]) {
  const known = new Map<string, readonly string[]>([
    ...pages.map((path) => [path, ["GET", "HEAD"]] as const),
    ...contracts.map((contract) => [contract.path, rpcMethods(contract)] as const),
  ]);
  const refusalOf = ({ method, is404 }: FastifyRequest, path: string): HttpRefusal | undefined => {
    if (REST_PATH.test(path)) return rest.refusalOf(method, path);
    const methods = known.get(path);
    if (methods) return methods.includes(method) ? undefined : methodNotAllowed(method, path, methods);
    return is404 ? pathNotFound(method, path) : undefined;
  };
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const refusal = refusalOf(request, request.url.split("?", 1)[0] ?? "");
    if (refusal) sendError(reply, rest.inbound("no route", request), refusal);
    else done();
  };
}

/** Connect has GET for unary calls without side effects. */
function rpcMethods({ descriptor }: MethodContract): readonly string[] {
  const isRead = descriptor.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return isRead && descriptor.methodKind === "unary" ? ["GET", "POST"] : ["POST"];
}
