import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import {
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { registry } from "@row/runtime/contract.ts";

/** A call as it reached the service. */
export interface ReceivedCall {
  readonly rpc: string;
  readonly request: unknown;
  readonly metadata: Metadata;
  readonly deadlineMs: number;
}

/** What the service does when it is called; throwing a status answers it. */
export type Answer = (call: ReceivedCall, cancelled: AbortSignal) => unknown;

interface RawCall {
  readonly request: unknown;
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  sendMetadata(metadata: Metadata): void;
  on(event: "cancelled", listener: () => void): unknown;
  write(message: unknown): boolean;
  end(): void;
  emit(event: "error", error: unknown): boolean;
}

type Callback = (error: unknown, response?: unknown) => void;

/** Stands for a service behind the edge: answers what the test says and remembers what it was asked. */
export class ScriptedService {
  readonly received: ReceivedCall[] = [];
  readonly #server = new Server();
  readonly #answers = new Map<string, Answer>();
  readonly #rpcs: { readonly name: string; readonly isStream: boolean }[] = [];
  readonly #servedBy: string;

  /** `service` is its full name, "shop.orders.v1.OrderService". */
  constructor(service: string, servedBy: string) {
    this.#servedBy = servedBy;
    const implementation: UntypedServiceImplementation = {};
    const definition: Record<string, MethodDefinition<Message, Record<string, unknown>>> = {};
    for (const { name, localName, input, output, methodKind } of registry.getService(service)?.methods ?? []) {
      this.#rpcs.push({ name: localName, isStream: methodKind === "server_streaming" });
      definition[localName] = {
        path: `/${service}/${name}`,
        requestStream: false,
        responseStream: methodKind === "server_streaming",
        requestSerialize: (message) => Buffer.from(toBinary(input, message)),
        requestDeserialize: (bytes) => fromBinary(input, bytes),
        responseSerialize: (message) => Buffer.from(toBinary(output, create(output, message))),
        responseDeserialize: (bytes) => fromBinary(output, bytes),
      };
      const serve = (raw: RawCall, answer: Callback) => {
        void (methodKind === "unary" ? this.#unary(localName, raw, answer) : this.#stream(localName, raw));
      };
      implementation[localName] = serve as unknown as UntypedServiceImplementation[string]; // both kinds in one
    }
    this.#server.addService(definition, implementation);
  }

  listen(address: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  /** Says how an RPC is answered from now on: a message, or for streams an async generator. */
  on(rpc: string, answer: Answer): void {
    this.#answers.set(rpc, answer);
  }

  /** Answers every RPC with an empty message, and every stream with none. */
  answerAll(): void {
    for (const rpc of this.#rpcs) this.on(rpc.name, rpc.isStream ? async function* () {} : () => ({}));
  }

  /** The request of a call that was received; the test knows its type. */
  requestAt<T>(index: number): T {
    const call = this.received[index];
    if (!call) throw new Error(`only ${this.received.length} calls were received`);
    return call.request as T;
  }

  forget(): void {
    this.received.length = 0;
    this.#answers.clear();
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  async #unary(rpc: string, raw: RawCall, answer: Callback): Promise<void> {
    try {
      const response = await this.#answer(rpc, raw);
      raw.sendMetadata(this.#headers());
      answer(null, response);
    } catch (error) {
      answer(this.#refusal(error));
    }
  }

  async #stream(rpc: string, raw: RawCall): Promise<void> {
    try {
      raw.sendMetadata(this.#headers());
      const messages = (await this.#answer(rpc, raw)) as AsyncIterable<unknown>; // tests answer streams with generators
      for await (const message of messages) raw.write(message);
      raw.end();
    } catch (error) {
      raw.emit("error", this.#refusal(error));
    }
  }

  async #answer(rpc: string, raw: RawCall): Promise<unknown> {
    const deadline = raw.getDeadline();
    const deadlineMs = Number(deadline) - Date.now();
    const call = { rpc, request: raw.request, metadata: raw.metadata, deadlineMs };
    this.received.push(call);
    const cancelled = new AbortController();
    raw.on("cancelled", () => cancelled.abort());
    const answer = this.#answers.get(rpc);
    if (!answer) throw Object.assign(new Error("no answer is scripted"), { code: 2, details: "no answer is scripted" });
    return answer(call, cancelled.signal);
  }

  #headers(): Metadata {
    const metadata = new Metadata();
    metadata.set("x-served-by", this.#servedBy);
    return metadata;
  }

  #refusal(error: unknown): unknown {
    const status = error as { metadata?: Metadata }; // tests throw gRPC statuses
    status.metadata ??= new Metadata();
    status.metadata.merge(this.#headers());
    return status;
  }
}
