/** What a shop has left behind, as plain data: everything the invariants are judged by. */

export interface OrderEvidence {
  readonly id: string;
  readonly state: string;
  readonly cancelReason: string;
  readonly totalMinor: bigint;
  readonly items: readonly Quantity[];
  readonly version: bigint;
}

export interface Quantity {
  readonly productId: string;
  readonly quantity: bigint;
}

export interface SagaEvidence {
  readonly orderId: string;
  readonly name: string;
  readonly definition: number;
  readonly direction: string;
  readonly isFinished: boolean;
  readonly isStuck: boolean;
}

export interface AttemptEvidence {
  readonly orderId: string;
  /** Name and version, such as "place-order/1". */
  readonly saga: string;
  readonly step: string;
  readonly undo: boolean;
  readonly number: number;
  readonly outcome: string;
  readonly isFinished: boolean;
}

export interface StockEvidence {
  readonly productId: string;
  readonly onHand: bigint;
  readonly reserved: bigint;
  readonly sold: bigint;
  readonly received: bigint;
  readonly version: bigint;
}

export interface ReservationEvidence {
  readonly orderId: string;
  readonly state: string;
  readonly items: readonly Quantity[];
}

export interface PaymentEvidence {
  readonly id: string;
  readonly orderId: string;
  readonly state: string;
  readonly amountMinor: bigint;
}

/** A line of the ledger: debits and credits of one transaction add up to nothing. */
export interface PostingEvidence {
  readonly transactionId: string;
  readonly paymentId: string;
  readonly account: string;
  /** Positive for a debit, negative for a credit. */
  readonly amountMinor: bigint;
}

/** A line of the card gateway's own log. */
export interface GatewayEntry {
  readonly sequence: number;
  readonly action: string;
  /** The reference that payments gave it. */
  readonly reference: string;
  readonly outcome: string;
  readonly charge?: { readonly id: string; readonly status: string; readonly amountMinor?: string };
}

export interface OutboxEvidence {
  readonly service: string;
  readonly id: string;
  readonly subject: string;
  readonly aggregateId: string;
  readonly sequence: bigint;
  readonly isPublished: boolean;
}

/** A message of a stream; the same event may be in it more than once. */
export interface StoredEvidence {
  readonly stream: string;
  readonly id: string;
  readonly subject: string;
  readonly aggregateId: string;
  readonly sequence: bigint;
}

export interface ConsumerEvidence {
  readonly service: string;
  readonly event: string;
  /** Messages that the server has not handed out, and those not acknowledged. */
  readonly pending: number;
  readonly unacknowledged: number;
  /** Ids of the events in the service's inbox. */
  readonly received: readonly string[];
  /** The newest sequence applied to each aggregate. */
  readonly applied: ReadonlyMap<string, bigint>;
}

export interface Evidence {
  /** Ids of the orders whose acceptance somebody was told of, with repeats; undefined when nobody kept a list. */
  readonly accepted: readonly string[] | undefined;
  readonly orders: readonly OrderEvidence[];
  readonly orderEvents: readonly { readonly orderId: string; readonly version: bigint }[];
  /** Rows by which the order view differs from the fold of the streams. */
  readonly viewDifferences: number;
  readonly sagas: readonly SagaEvidence[];
  readonly attempts: readonly AttemptEvidence[];
  readonly stock: readonly StockEvidence[];
  readonly reservations: readonly ReservationEvidence[];
  readonly payments: readonly PaymentEvidence[];
  readonly ledger: readonly PostingEvidence[];
  readonly gateway: readonly GatewayEntry[];
  readonly outbox: readonly OutboxEvidence[];
  readonly stored: readonly StoredEvidence[];
  readonly consumers: readonly ConsumerEvidence[];
  readonly deadLetters: readonly { readonly service: string; readonly subject: string; readonly eventId: string }[];
  readonly availability: readonly { readonly productId: string; readonly isAvailable: boolean }[];
}

/** One breach of an invariant, with what it concerns. */
export interface Violation {
  readonly invariant: string;
  readonly detail: string;
  readonly ids: readonly string[];
}
