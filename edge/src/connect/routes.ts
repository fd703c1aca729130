/** Connect, gRPC-Web and gRPC: every RPC passed on through the transport. */
import type { DescMethod, DescMethodServerStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import { type create, toBinary } from "@bufbuild/protobuf";
import {
  type ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  type ContextValues,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import { type MethodContract, methodAt, methods, registry } from "@row/runtime/contract.ts";
import { InvalidField } from "@row/runtime/domain-error.ts";
import { metadataRefusal } from "@row/runtime/rpc/metadata-limit.ts";
import { validateBytes } from "@row/runtime/rpc/validate.ts";
import { type Client, InboundCall, type ServerContext } from "../inbound-call.ts";
import { httpStatusOf } from "../rest/error-status.ts";
import { MAX_JSON_DEPTH } from "../rest/json/body.ts";
import { isSameRequest, requestIdOf, takesRequestId } from "../rest/request-id.ts";
import { Stopping } from "../rest/stopping.ts";
import { fromThrown } from "../rpc-error.ts";
import { REQUEST_COMPRESSIONS } from "./request-compression.ts";
import { INBOUND_CALL } from "./transport.ts";
import { admitUnreadable, checkReadable } from "./unreadable.ts";

/** Where a request comes from, and its headers as they came: names and values in turn. */
export interface RequestOrigin extends Client {
  readonly rawHeaders: readonly string[];
}

const CLIENT = createContextKey<RequestOrigin>({ ip: "", rawHeaders: [] }, { description: "who sent the request" });

/** The options of the routers on both ports. */
export function routerOptions(serverContext: ServerContext, maxBytes: number): ConnectRouterOptions {
  return {
    readMaxBytes: maxBytes,
    acceptCompression: [...REQUEST_COMPRESSIONS],
    jsonOptions: { ignoreUnknownFields: false, recursionLimit: MAX_JSON_DEPTH, registry, alwaysEmitImplicit: true },
    requestGate: (context) => gate(serverContext, context),
    interceptors: [refusals],
  };
}

/** Adds each RPC to a router; requests are no longer than `maxBytes`, and streams end when the edge is `stopping`. */
export function addRoutes(
  router: ConnectRouter,
  contracts: readonly MethodContract[],
  transport: Transport,
  maxBytes: number,
  stopping: AbortSignal,
): void {
  for (const { descriptor } of contracts) {
    if (isUnary(descriptor)) addUnary(router, descriptor, transport);
    else if (isServerStream(descriptor)) addServerStream(router, descriptor, transport, stopping);
    else throw new Error(`Cannot serve ${descriptor.toString()}: clients stream nothing to this shop`);
  }
  admitUnreadable(router, maxBytes);
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function isServerStream(method: DescMethod): method is DescMethodServerStreaming {
  return method.methodKind === "server_streaming";
}

/** Values for each request; the gate adds to them. */
export function contextValues(origin: RequestOrigin): ContextValues {
  return createContextValues().set(CLIENT, origin);
}

function addUnary(router: ConnectRouter, method: DescMethodUnary, transport: Transport): void {
  router.rpc(method, async (request, context) => {
    const inbound = inboundOf(context);
    checkRequest(inbound, context, method, request);
    const { signal, values } = context;
    const answer = await transport.unary(method, signal, context.timeoutMs(), undefined, request, values);
    tellIn(context.responseHeader, inbound);
    inbound.finish(200);
    return answer.message;
  });
}

function addServerStream(
  router: ConnectRouter,
  method: DescMethodServerStreaming,
  transport: Transport,
  stopping: AbortSignal,
): void {
  router.rpc(method, async function* (request, context) {
    const inbound = inboundOf(context);
    checkRequest(inbound, context, method, request);
    const { values } = context;
    const signal = AbortSignal.any([context.signal, stopping]);
    const answers = await transport.stream(method, signal, context.timeoutMs(), undefined, one(request), values);
    try {
      for await (const message of answers.message) {
        tellIn(context.responseHeader, inbound);
        yield message;
      }
    } catch (error) {
      throw stopping.aborted ? new Stopping() : error;
    }
    inbound.finish(200);
  });
}

async function gate(serverContext: ServerContext, context: HandlerContext): Promise<void> {
  const { requestHeader, values, method } = context;
  const name = `/${method.parent.typeName}/${method.name}`;
  const origin = values.get(CLIENT);
  const tooLarge = metadataRefusal(origin.rawHeaders);
  // Reflection is none of the contracts' RPCs: anybody may look at what anybody may read at /openapi.json.
  if (!methods.has(name)) {
    if (tooLarge) throw fromThrown(tooLarge, "").error;
    return;
  }
  const inbound = new InboundCall(serverContext, name, (header) => requestHeader.get(header), origin);
  values.set(INBOUND_CALL, inbound);
  context.responseHeader.set("x-correlation-id", inbound.correlationId);
  try {
    if (tooLarge) throw tooLarge;
    await inbound.admit(contractOf(method), requestHeader.get("authorization") ?? undefined);
  } catch (error) {
    throw refusal(inbound, error);
  }
}

/** Turns what a call throws into the error that the protocol writes. */
const refusals: Interceptor = (next) => async (request) => {
  const inbound = request.contextValues.get(INBOUND_CALL);
  if (!inbound) return next(request);
  try {
    const answer = await next(request);
    return answer.stream ? { ...answer, message: refusingStream(answer.message, inbound) } : answer;
  } catch (error) {
    throw refusal(inbound, error);
  }
};

async function* refusingStream<T>(messages: AsyncIterable<T>, inbound: InboundCall): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw refusal(inbound, error);
  }
}

function refusal(inbound: InboundCall, thrown: unknown): ConnectError {
  const { error, isBug } = fromThrown(thrown, inbound.correlationId);
  tellIn(error.metadata, inbound);
  inbound.finish(httpStatusOf(error), isBug ? thrown : undefined);
  return error;
}

/** `Idempotency-Key` counts here too, but no request_id is made up: who speaks protobuf can send one. */
function checkRequest<M extends DescMethodUnary | DescMethodServerStreaming>(
  inbound: InboundCall,
  context: HandlerContext,
  { input }: M,
  request: { requestId?: unknown } & ReturnType<typeof create<M["input"]>>,
): void {
  checkReadable(context.values);
  const key = context.requestHeader.get("idempotency-key");
  if (key !== null && takesRequestId(input)) {
    const { path } = contractOf(context.method);
    if (request.requestId === "") request.requestId = requestIdOf(inbound.caller, path, key);
    else if (!isSameRequest(request.requestId, inbound.caller, path, key)) {
      throw new InvalidField(
        "request_id",
        "is not what the Idempotency-Key header says: send one of them, or both alike",
      );
    }
  }
  validateBytes(input, toBinary(input, request));
}

function tellIn(headers: Headers, { answerHeaders }: InboundCall): void {
  for (const [name, value] of Object.entries(answerHeaders)) headers.set(name, value);
}

function inboundOf(context: HandlerContext): InboundCall {
  const inbound = context.values.get(INBOUND_CALL);
  if (!inbound) throw new Error("Cannot serve a call that passed no gate");
  return inbound;
}

function contractOf(method: DescMethod): MethodContract {
  return methodAt(`/${method.parent.typeName}/${method.name}`);
}

async function* one<T>(message: T): AsyncGenerator<T> {
  yield message;
}
