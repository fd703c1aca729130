/** The call that is being served: who asks, until when, and what must travel along to the services it calls. */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUIDv7 } from "node:crypto";
import type { MethodContract } from "./contract.ts";
import { DomainError } from "./domain-error.ts";
import type { Logger } from "./telemetry/logger.ts";
import type { CallSpan } from "./telemetry/telemetry.ts";

/** How the messages of an RPC are read and written: its ts-proto definition. */
export interface Codec {
  requestSerialize(request: never): Buffer;
  responseSerialize(response: never): Buffer;
  responseDeserialize(bytes: Buffer): unknown;
}

/** A signed-in end user, as the access token says. */
export interface User {
  readonly id: string;
  readonly roles: readonly string[];
}

/** What a handler knows of the call it serves. */
export interface Call {
  readonly method: MethodContract;
  readonly codec: Codec;
  /** The calling service by its mesh identity; undefined for a caller outside the mesh. */
  readonly service: string | undefined;
  /** The end user; undefined when no token came along. */
  readonly user: User | undefined;
  /** When the answer is worth nothing any more, by performance.now(); Infinity for streams. */
  readonly deadline: number;
  /** Aborts when the caller went away or the deadline has passed. */
  readonly signal: AbortSignal;
  readonly correlationId: string;
  /** What travels on to every further hop, as `acceptBaggage` answers it. */
  readonly baggage?: string | undefined;
  /** On whose behalf, as the audit trail names them: "user:<id>", "service:<name>" or "anonymous". */
  readonly actor: string;
  readonly span: CallSpan;
  readonly log: Logger;
}

/** The part of a call that travels along to the services it calls. */
export interface CallContext {
  /** By performance.now(), as all that is a duration here: the clock may be set while a call is under way. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  /** What `signal` tells, for who would have it made only to ask; without it the signal is asked. */
  readonly isGivenUp?: boolean;
  readonly correlationId: string;
  /** As `acceptBaggage` answers it. */
  readonly baggage?: string | undefined;
  /** On whose behalf, as the audit trail names them. */
  readonly actor: string;
  /** This process as service/version/instance, as the events that it writes name it; empty where it writes none. */
  readonly producer: string;
  readonly span: CallSpan | undefined;
  /** The end user's "authorization" value; never stored or queued. */
  readonly authorization: string | undefined;
  /** Who answered the calls made so far, newest last. */
  readonly servedBy: string[];
  /** Notes that something was injected here or further on, "catalog/v2:errors", where somebody is told of it. */
  markInjected?(label: string): void;
}

const storage = new AsyncLocalStorage<CallContext>();

/** The context of the call that is being served; undefined outside of one. */
export function currentCall(): CallContext | undefined {
  return storage.getStore();
}

/** Why nobody waits for the answer any more; undefined while somebody may. */
export function whyOver(call: CallContext | undefined): DomainError | undefined {
  if (call === undefined) return undefined;
  if (performance.now() >= call.deadline)
    return new DomainError("too-late", "DEADLINE_EXCEEDED", "Cannot answer in time");
  const isGivenUp = call.isGivenUp ?? call.signal?.aborted;
  return isGivenUp ? new DomainError("caller-gone", "CALLER_GONE", "The caller went away") : undefined;
}

/** Runs `work` so that the calls it makes carry `context`. */
export function runInCall<T>(context: CallContext, work: () => T): T {
  return storage.run(context, work);
}

/** Work that no caller waits for: a delivery's, a saga's, a seed's. */
export interface BackgroundWork {
  /** As in CallContext; empty unless told. */
  readonly producer?: string;
  /** The producer's service unless told. */
  readonly actor?: string;
  /** A new one unless told. */
  readonly correlationId?: string;
  readonly baggage?: string | undefined;
  readonly span?: CallSpan | undefined;
  /** By performance.now(); none unless told. */
  readonly deadline?: number;
  readonly signal?: AbortSignal;
}

/** Runs `work` so that the calls it makes, and what it writes, carry this and nobody's token. */
export function runInBackground<T>(background: BackgroundWork, work: () => T): T {
  const { producer = "", actor = `service:${producer.split("/")[0]}`, correlationId = randomUUIDv7() } = background;
  const { baggage, span, signal, deadline = Number.POSITIVE_INFINITY } = background;
  const context = { producer, actor, correlationId, baggage, span, signal, deadline };
  return runInCall({ ...context, authorization: undefined, servedBy: [] }, work);
}
