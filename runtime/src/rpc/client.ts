/** Typed promise clients: deadline, cancellation, correlation id, trace and the user's token travel along. */

import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import { injection } from "../behaviour/injection.ts";
import { type CallContext, currentCall } from "../call.ts";
import { type MethodContract, methodAt } from "../contract.ts";
import { identityOf } from "../names.ts";
import {
  type CallSpan,
  endCallSpan,
  SpanKind,
  type Telemetry,
  traceparent,
  tracestate,
} from "../telemetry/telemetry.ts";
import { baggageHeaders } from "./baggage.ts";
import { passOnInjected } from "./injected-labels.ts";
import { ReloadingClient } from "./reloading-client.ts";
import type { ServiceConfigFile } from "./retry-config.ts";
import type { ServiceDefinition } from "./server.ts";
import { RpcError } from "./status.ts";

type RequestOf<M> = M extends { requestSerialize: (value: infer Q) => Buffer } ? Q : never;
type ResponseOf<M> = M extends { responseDeserialize: (bytes: Buffer) => infer R } ? R : never;

/** What a single call may say beyond its request. */
export interface CallOptions {
  /** Milliseconds to wait at most; never more than the method's call class or the caller's deadline allow. */
  readonly timeoutMs?: number;
  /** Correlates with what started this, where no call is being served. */
  readonly correlationId?: string;
  /** Told who answered ("payments/v1/payments-v1-1"), also when the answer is an error. */
  readonly onServedBy?: (servedBy: string) => void;
}

/** Promise methods for each unary RPC of a ts-proto service definition. They reject with RpcError. */
export type PromiseClient<D> = {
  readonly [K in keyof D as D[K] extends { responseStream: false } ? K : never]: (
    request: RequestOf<D[K]>,
    options?: CallOptions,
  ) => Promise<ResponseOf<D[K]>>;
};

/** How a process calls others. */
export interface ClientSetup {
  /** The calling service. */
  readonly name: string;
  readonly telemetry: Telemetry;
  /** Sends the caller's identity itself: only without sidecars, where nothing else does and nothing proves it. */
  readonly claimsIdentity: boolean;
  /** Which calls are tried again; without it none. */
  readonly serviceConfig?: ServiceConfigFile;
}

/** Where grpc-js says in an answer how often the call was tried before. */
const PREVIOUS_ATTEMPTS = "grpc-previous-rpc-attempts";

/** A channel to one service. */
export class GrpcChannel {
  readonly #client: ReloadingClient;
  readonly #setup: ClientSetup;

  constructor(setup: ClientSetup, address: string) {
    this.#setup = setup;
    this.#client = new ReloadingClient(address, setup.serviceConfig);
  }

  /** A typed client on this channel. */
  client<D extends ServiceDefinition>(definition: D): PromiseClient<D> {
    const methods = Object.entries(definition)
      .filter(([, method]) => !method.responseStream)
      .map(([name, method]) => [name, this.#unary(method, methodAt(method.path))]);
    return Object.fromEntries(methods); // the keys and types of D, by construction
  }

  close(): void {
    this.#client.close();
  }

  #unary(method: ServiceDefinition[string], contract: MethodContract) {
    const call = this.#once(method, contract);
    return (request: never, options: CallOptions = {}): Promise<unknown> => {
      if (injection.active) amplify(injection.active.extraCalls(contract), () => call(request, {}));
      return call(request, options);
    };
  }

  #once(method: ServiceDefinition[string], contract: MethodContract) {
    return (request: never, options: CallOptions): Promise<unknown> => {
      const context = currentCall();
      const span = this.#setup.telemetry.startSpan(method.path, SpanKind.CLIENT, context?.span);
      const startedAt = performance.now();
      const leftMs = (context?.deadline ?? Number.POSITIVE_INFINITY) - startedAt;
      const ms = Math.min(contract.timeoutMs, options.timeoutMs ?? Number.POSITIVE_INFINITY, leftMs);
      const lease = this.#client.lease();
      const end = (code: status) => {
        lease.release();
        const seconds = (performance.now() - startedAt) / 1_000;
        this.#setup.telemetry.clientDuration.record(seconds, method.path, code);
        endCallSpan(span, code, status[code]);
      };
      return new Promise((resolve, reject) => {
        const onAbort = () => call.cancel();
        const call = lease.client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          this.#metadata(contract, context, span, options),
          { deadline: Date.now() + ms },
          (error: ServiceError | null, response: unknown) => {
            context?.signal?.removeEventListener("abort", onAbort);
            if (error && this.#setup.serviceConfig) noteAttempts(span, error.metadata);
            if (error) passOnInjected(error.metadata, context);
            end(error?.code ?? status.OK);
            if (!error) return resolve(response);
            const failure = new RpcError(method.path, error);
            if (failure.servedBy) options.onServedBy?.(failure.servedBy);
            reject(failure);
          },
        );
        call.on("metadata", (headers) => {
          if (this.#setup.serviceConfig) noteAttempts(span, headers);
          passOnInjected(headers, context);
          const servedBy = headers.get("x-served-by")[0];
          if (servedBy === undefined) return;
          context?.servedBy.push(String(servedBy));
          options.onServedBy?.(String(servedBy));
        });
        context?.signal?.addEventListener("abort", onAbort, { once: true });
      });
    };
  }

  #metadata(
    contract: MethodContract,
    context: CallContext | undefined,
    span: CallSpan,
    options: CallOptions,
  ): Metadata {
    const metadata = new Metadata();
    metadata.set("traceparent", traceparent(span));
    const state = tracestate(span);
    if (state) metadata.set("tracestate", state);
    const correlationId = context?.correlationId ?? options.correlationId;
    if (correlationId) metadata.set("x-correlation-id", correlationId);
    for (const [name, value] of baggageHeaders(context?.baggage)) metadata.set(name, value);
    // A token goes only where an end user may go; services-only methods trust the mesh identity.
    if (context?.authorization && contract.access !== Access.NONE) metadata.set("authorization", context.authorization);
    if (this.#setup.claimsIdentity) metadata.set("l5d-client-id", identityOf(this.#setup.name));
    return metadata;
  }
}

/** Makes a call more often than it is needed, and leaves the answers. */
function amplify(times: number, call: () => Promise<unknown>): void {
  for (let extra = 1; extra <= times; extra += 1) call().catch(() => {});
}

/** A call that was tried again is one call, one span and one sample all the same. */
function noteAttempts(span: CallSpan, headers: Metadata): void {
  const previous = Number(headers.get(PREVIOUS_ATTEMPTS)[0] ?? 0);
  if (previous > 0) span.setAttribute("rpc.grpc.previous_attempts", previous);
}
