/** The payment of an order: its states and what each allows. Nothing here does I/O. */
import { DomainError } from "@row/runtime/domain-error.ts";

export type PaymentState = "AUTHORIZED" | "DECLINED" | "CAPTURED" | "VOIDED" | "REFUNDED";

/** Why the card gateway declined. */
export type DeclineReason = "CARD_DECLINED" | "INSUFFICIENT_FUNDS" | "PAYMENT_TOKEN_INVALID";

export interface Payment {
  readonly id: string;
  readonly orderId: string;
  /** Absent on a tombstone. */
  readonly customerId: string | undefined;
  readonly amountMinor: bigint;
  readonly state: PaymentState;
  readonly declineReason: DeclineReason | "";
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** No payment has this id, or it is not the caller's: which of the two, nobody can tell. */
export class PaymentNotFound extends DomainError {
  constructor(id: string) {
    super("not-found", "PAYMENT_NOT_FOUND", `Cannot find payment "${id}": none of yours has this id`);
  }
}

/** The payment is in a state that does not allow this. */
export class PaymentClosed extends DomainError {
  constructor(verb: string, orderId: string, state: string) {
    super("refused", "PAYMENT_CLOSED", `Cannot ${verb} the payment of order "${orderId}": it is ${state}`, {
      facts: { state },
    });
  }
}

/** The card gateway declined. */
export class PaymentDeclined extends DomainError {
  constructor(orderId: string, reason: DeclineReason) {
    super("refused", reason, `Cannot authorize the payment of order "${orderId}": the card gateway declined`);
  }
}

/** What the gateway's decline codes mean here. */
const DECLINE_REASONS: Readonly<Record<string, DeclineReason>> = {
  card_declined: "CARD_DECLINED",
  insufficient_funds: "INSUFFICIENT_FUNDS",
  invalid_token: "PAYMENT_TOKEN_INVALID",
};

/** The reason that callers get for a decline code of the gateway. */
export function declineReason(code: string | undefined): DeclineReason {
  return DECLINE_REASONS[code ?? ""] ?? "CARD_DECLINED";
}

/** A step that moves money, or stops it. */
export interface Move {
  readonly verb: "capture" | "void" | "refund";
  readonly to: PaymentState;
  readonly from: PaymentState;
  /** States in which nothing is left to do. */
  readonly done: readonly PaymentState[];
}

export const CAPTURE: Move = { verb: "capture", from: "AUTHORIZED", to: "CAPTURED", done: ["CAPTURED", "REFUNDED"] };
export const VOID: Move = { verb: "void", from: "AUTHORIZED", to: "VOIDED", done: ["VOIDED", "DECLINED", "REFUNDED"] };
export const REFUND: Move = { verb: "refund", from: "CAPTURED", to: "REFUNDED", done: ["REFUNDED"] };

/** Whether the move has anything to do. Throws PaymentClosed where it cannot be made. */
export function mustMove(move: Move, orderId: string, state: PaymentState | undefined): boolean {
  if (state !== undefined && move.done.includes(state)) return false;
  if (state === move.from) return true;
  throw new PaymentClosed(move.verb, orderId, state ?? "UNKNOWN");
}

/** What the first answer to an authorization was, when there was one. Throws what it threw. */
export function repeatedAuthorization(payment: Payment | undefined): string | undefined {
  if (!payment) return undefined;
  if (payment.state === "DECLINED") {
    throw new PaymentDeclined(payment.orderId, payment.declineReason || declineReason(undefined));
  }
  if (payment.state === "VOIDED") throw new PaymentClosed("authorize", payment.orderId, payment.state);
  return payment.id;
}
