import { INBOUND_FIELDS, OUTBOUND_FIELDS, positionsOf } from "../haproxy/request-line.ts";
import { CallEdge, routeBackendOf } from "./call-edge.ts";
import type { FailureAccrual } from "./failure-accrual.ts";
import { LineFields } from "./line-fields.ts";
import { CANCEL, errorOf, grpcStatusOf, isAnswer, isFailure } from "./outcome.ts";
import type { Pod } from "./pod.ts";
import { PrefixTable } from "./prefix-table.ts";
import { INBOUND, Refusals } from "./refusals.ts";

/** Where the fields of an outbound line stand. */
export const OUTBOUND = positionsOf(OUTBOUND_FIELDS);

/** What all outbound lines with one beginning have in common. */
export interface Target {
  readonly edge: CallEdge;
  /** The instance that answered, "" when none was chosen. */
  readonly server: string;
  readonly health: FailureAccrual | undefined;
}

/** Whatever else wants to know of requests as they pass. */
export interface LineListeners {
  pod(instance: string): Pod;
  /** The breaker of an endpoint as one client sees it. */
  health(pod: Pod, service: string, endpoint: string): FailureAccrual;
  /** An endpoint failed once too often. */
  tripped(health: FailureAccrual): void;
  outbound(fields: LineFields, target: Target, failed: boolean): void;
  inbound(fields: LineFields, refused: boolean): void;
}

/** Series are dropped when nothing has come for as long, as Linkerd does. */
const IDLE_SECONDS = 600;
/** What anybody on this machine could make us keep by sending nonsense. */
const MOST_TARGETS = 20_000;
const MOST_EDGES = 2_000;
const OUT = OUTBOUND_FIELDS.kind.charCodeAt(0);
const IN = INBOUND_FIELDS.kind.charCodeAt(0);
const BAR = 0x7c;

/** Counts request lines as sidecars send them. This runs once for every call in the shop: nothing is made per line. */
export class RequestLines {
  readonly refusals = new Refusals();
  received = 0;
  /** Of those, the ones that could not be read. */
  invalid = 0;
  /** What else HAProxy has to say, as when it reloads or a server goes. */
  otherMessages = 0;
  readonly #listeners: LineListeners;
  readonly #fields = new LineFields();
  readonly #targets = new PrefixTable<Target>();
  readonly #edges = new Map<string, CallEdge>();

  constructor(listeners: LineListeners) {
    this.#listeners = listeners;
  }

  edges(): Iterable<CallEdge> {
    return this.#edges.values();
  }

  /** `second`: in which it came, counted from any moment. */
  take(bytes: Uint8Array, second: number): void {
    const fields = this.#fields;
    if (bytes[1] === BAR && bytes[0] === OUT) {
      this.received += 1;
      fields.split(bytes);
      if (!this.#outbound(fields, second)) this.invalid += 1;
    } else if (bytes[1] === BAR && bytes[0] === IN) {
      this.received += 1;
      fields.split(bytes);
      if (!this.#inbound(fields)) this.invalid += 1;
    } else {
      this.otherMessages += 1;
    }
  }

  #inbound(fields: LineFields): boolean {
    if (fields.count <= INBOUND.path) return false;
    this.#listeners.inbound(fields, this.refusals.record(fields));
    return true;
  }

  #outbound(fields: LineFields, second: number): boolean {
    // A line that was cut short within its path still says how the request went.
    if (fields.count <= OUTBOUND.path) return false;
    const target = this.#targets.find(fields.bytes, fields.prefixEnd, fields.prefixHash) ?? this.#newTarget(fields);
    if (!target) return false;
    const httpStatus = fields.number(OUTBOUND.httpStatus);
    const grpcStatus = grpcStatusOf(httpStatus, fields.number(OUTBOUND.grpcStatus));
    const us = Math.max(0, fields.number(OUTBOUND.durationUs));
    const retries = Math.max(0, fields.number(OUTBOUND.retries));
    const first = fields.byte(OUTBOUND.termination);
    const error = errorOf(first, fields.byte(OUTBOUND.termination, 1), grpcStatus, target.server !== "");
    const failed = error !== CANCEL && isFailure(httpStatus, grpcStatus);
    const { edge, health } = target;
    if (edge.to.backend !== "") edge.pod.lines += 1;
    edge.record(second, us, grpcStatus, error, retries, failed);
    if (health && isAnswer(error) && health.record(failed)) this.#listeners.tripped(health);
    this.#listeners.outbound(fields, target, failed);
    return true;
  }

  #newTarget(fields: LineFields): Target | undefined {
    const edge = this.#edgeOf(fields);
    if (!edge) return undefined;
    const named = fields.text(OUTBOUND.server);
    const server = named === "-" || named === "<NOSRV>" ? "" : named;
    const health = server === "" ? undefined : this.#listeners.health(edge.pod, edge.to.parent, server);
    const target = { edge, server, health };
    if (this.#targets.size >= MOST_TARGETS) this.#targets.clear();
    this.#targets.add(fields.bytes, fields.prefixEnd, fields.prefixHash, target);
    return target;
  }

  #edgeOf(fields: LineFields): CallEdge | undefined {
    const key = fields.text(OUTBOUND.instance, OUTBOUND.backend);
    const known = this.#edges.get(key);
    const instance = fields.text(OUTBOUND.instance);
    if (known || instance === "" || this.#edges.size >= MOST_EDGES) return known;
    const edge = new CallEdge(this.#listeners.pod(instance), routeBackendOf(fields.text(OUTBOUND.backend)));
    this.#edges.set(key, edge);
    return edge;
  }

  /** Forgets the series of which nothing has been heard for ten minutes. */
  dropIdle(second: number): void {
    const before = this.#edges.size;
    for (const [key, edge] of this.#edges) if (second - edge.lastSecond > IDLE_SECONDS) this.#edges.delete(key);
    if (this.#edges.size < before) this.#targets.clear();
  }
}
