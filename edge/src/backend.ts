/** A service behind the edge, called through grpc-js with bytes that are encoded already. */

import { type ClientReadableStream, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { MethodContract } from "@row/runtime/contract.ts";
import { identityOf } from "@row/runtime/names.ts";
import { baggageHeaders } from "@row/runtime/rpc/baggage.ts";
import { ReloadingClient } from "@row/runtime/rpc/reloading-client.ts";
import type { ServiceConfigFile } from "@row/runtime/rpc/retry-config.ts";
import { traceparent } from "@row/runtime/telemetry/telemetry.ts";
import type { InboundCall } from "./inbound-call.ts";
import { fromService } from "./rpc-error.ts";

const asIs = (bytes: Buffer): Buffer => bytes;

/** How long a call may take: what its class allows, and never longer than its caller wants to wait. */
export function deadlineOf(contract: MethodContract, askedMs: number | undefined): number {
  return Date.now() + Math.min(contract.timeoutMs, askedMs ?? Number.POSITIVE_INFINITY);
}

export class Backend {
  readonly #service: string;
  readonly #client: ReloadingClient;
  readonly #identity: string | undefined;

  /** With `claimsIdentity` the edge states its own identity, for want of a sidecar that proves it. */
  constructor(service: string, address: string, claimsIdentity: boolean, serviceConfig?: ServiceConfigFile) {
    this.#service = service;
    this.#client = new ReloadingClient(address, serviceConfig);
    this.#identity = claimsIdentity ? identityOf("edge") : undefined;
  }

  /** Calls a unary RPC. Rejects with a ConnectError; `onCall` is given what cancels the call. */
  unary(
    contract: MethodContract,
    request: Buffer,
    inbound: InboundCall,
    deadline: number,
    onCall: (cancel: () => void) => void,
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      // Without what a Client wraps around each call (interceptors, an emitter, a stack trace): a tenth of what it costs.
      const lease = this.#client.lease();
      const call = lease.client.getChannel().createCall(contract.path, deadline, null, null, null);
      let response: Buffer | undefined;
      call.start(this.#metadata(inbound), {
        onReceiveMetadata: (headers) => inbound.answeredBy(headers),
        onReceiveMessage: (message: Buffer) => {
          response = message;
        },
        onReceiveStatus: (end) => {
          lease.release();
          if (end.code === status.OK && response) return resolve(response);
          inbound.answeredBy(end.metadata);
          const answer = end.code === status.OK ? { ...end, code: status.UNIMPLEMENTED } : end;
          reject(fromService(this.#service, answer, inbound.correlationId));
        },
      });
      call.startRead();
      call.sendMessageWithContext({}, request);
      call.halfClose();
      onCall(() => call.cancelWithStatus(status.CANCELLED, "Cancelled on client"));
    });
  }

  /** Calls a server-streaming RPC. Reading throws a ConnectError. */
  stream(
    contract: MethodContract,
    request: Buffer,
    inbound: InboundCall,
    deadline: number,
    signal: AbortSignal,
  ): Responses {
    const lease = this.#client.lease();
    const metadata = this.#metadata(inbound);
    const call = lease.client.makeServerStreamRequest(contract.path, asIs, asIs, request, metadata, { deadline });
    call.once("status", () => lease.release());
    call.on("metadata", (headers: Metadata) => inbound.answeredBy(headers));
    const cancel = () => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    return read(call, (error) => {
      inbound.answeredBy(error.metadata);
      return fromService(this.#service, error, inbound.correlationId);
    });
  }

  #metadata({ correlationId, baggage, span, tracestate, authorization }: InboundCall): Metadata {
    const metadata = new Metadata();
    metadata.set("traceparent", traceparent(span));
    if (tracestate) metadata.set("tracestate", tracestate);
    metadata.set("x-correlation-id", correlationId);
    for (const [name, value] of baggageHeaders(baggage)) metadata.set(name, value);
    if (authorization !== undefined) metadata.set("authorization", authorization);
    if (this.#identity !== undefined) metadata.set("l5d-client-id", this.#identity);
    return metadata;
  }

  close(): void {
    this.#client.close();
  }
}

/** The encoded messages of a stream. */
export type Responses = AsyncGenerator<Buffer, void, void>;

async function* read(call: ClientReadableStream<Buffer>, refusal: (error: ServiceError) => Error): Responses {
  try {
    for await (const message of call) yield message;
  } catch (error) {
    if (isServiceError(error)) throw refusal(error);
    throw error;
  } finally {
    call.cancel();
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "metadata" in error && error.metadata instanceof Metadata;
}
