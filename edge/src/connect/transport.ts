/** A Connect transport whose calls go through grpc-js: connect-node's own can hang when a server restarts in mid-call. */
import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  type StreamResponse,
  type Transport,
  type UnaryResponse,
} from "@connectrpc/connect";
import { methodAt } from "@row/runtime/contract.ts";
import { type Backend, deadlineOf } from "../backend.ts";
import type { InboundCall } from "../inbound-call.ts";

/** The request that a call is made for; every call through the transport has one. */
export const INBOUND_CALL = createContextKey<InboundCall | undefined>(undefined, {
  description: "the request being served",
});

export class GrpcTransport implements Transport {
  readonly #backends: ReadonlyMap<string, Backend>;

  constructor(backends: ReadonlyMap<string, Backend>) {
    this.#backends = backends;
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    _header: unknown,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    const { contract, backend, inbound } = this.#call(method, contextValues);
    const request = encode(method.input, input);
    const answer = await backend.unary(contract, request, inbound, deadlineOf(contract, timeoutMs), (cancel) => {
      signal?.addEventListener("abort", cancel, { once: true });
      if (signal?.aborted) cancel();
    });
    const message = fromBinary(method.output, answer);
    return { stream: false, method, service: method.parent, header: new Headers(), trailer: new Headers(), message };
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    _header: unknown,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
  ): Promise<StreamResponse<I, O>> {
    const { contract, backend, inbound } = this.#call(method, contextValues);
    const request = encode(method.input, await only(input));
    const stop = signal ?? new AbortController().signal;
    const answers = backend.stream(contract, request, inbound, deadlineOf(contract, timeoutMs), stop);
    async function* messages() {
      for await (const answer of answers) yield fromBinary(method.output, answer);
    }
    return {
      stream: true,
      method,
      service: method.parent,
      header: new Headers(),
      trailer: new Headers(),
      message: messages(),
    };
  }

  #call(method: DescMethodUnary | DescMethodStreaming, contextValues: ContextValues | undefined) {
    const contract = methodAt(`/${method.parent.typeName}/${method.name}`);
    const backend = this.#backends.get(contract.service);
    const inbound = contextValues?.get(INBOUND_CALL);
    if (!backend || !inbound)
      throw new Error(`Cannot call ${contract.path}: it needs a backend and the request it is for`);
    return { contract, backend, inbound };
  }
}

function encode<I extends DescMessage>(descriptor: I, input: MessageInitShape<I>): Buffer {
  const bytes = toBinary(descriptor, create(descriptor, input));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The contracts have server streams only. */
async function only<T>(input: AsyncIterable<T>): Promise<T> {
  for await (const message of input) return message;
  throw new ConnectError("Cannot call: the request is missing", Code.InvalidArgument);
}
