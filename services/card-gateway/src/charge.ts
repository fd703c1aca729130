/** A charge: what the gateway holds about one reference, and what may happen to it next. */

export type ChargeStatus = "authorized" | "declined" | "captured" | "voided" | "refunded";

export interface Charge {
  id: string;
  status: ChargeStatus;
  /** Absent on a tombstone: a void of a reference that was never authorized. */
  amountMinor?: string;
  currency?: string;
  declineCode?: string;
}

export type ChargeAct =
  | { action: "authorize"; reference: string; amountMinor: string; currency: string; token: string }
  | { action: "capture" | "void" | "refund"; reference: string };

/** `applied` changed the charge, `unchanged` found it already so, `refused` will never be granted. */
export type Decision =
  | { outcome: "applied" | "unchanged"; charge: Charge }
  | { outcome: "refused"; charge: Charge | undefined; refusal: Refusal };

export interface Refusal {
  code: "unknown_reference" | "not_allowed" | "already_authorized";
  message: string;
}

const declineCodes: Record<string, string | undefined> = {
  tok_ok: undefined,
  tok_timeout: undefined,
  tok_flaky: undefined,
  tok_declined: "card_declined",
  tok_insufficient_funds: "insufficient_funds",
};

export function decide(charge: Charge | undefined, act: ChargeAct, newId: () => string): Decision {
  switch (act.action) {
    case "authorize":
      if (charge === undefined) return { outcome: "applied", charge: authorize(act, newId()) };
      if (charge.status === "voided") return refuse(charge, act);
      if (charge.amountMinor === act.amountMinor && charge.currency === act.currency) {
        return { outcome: "unchanged", charge };
      }
      return {
        outcome: "refused",
        charge,
        refusal: {
          code: "already_authorized",
          message: `Cannot authorize "${act.reference}": already seen with ${charge.amountMinor} ${charge.currency}`,
        },
      };
    case "capture":
      return move(charge, act, "captured", ["authorized"]);
    case "refund":
      return move(charge, act, "refunded", ["captured"]);
    case "void":
      // The tombstone: the authorization may still be on its way, and must find the door shut.
      if (charge === undefined) return { outcome: "applied", charge: { id: newId(), status: "voided" } };
      if (charge.status === "declined") return { outcome: "unchanged", charge };
      return move(charge, act, "voided", ["authorized"]);
  }
}

function authorize(act: { amountMinor: string; currency: string; token: string }, id: string): Charge {
  const { amountMinor, currency, token } = act;
  const declineCode = Object.hasOwn(declineCodes, token) ? declineCodes[token] : "invalid_token";
  if (declineCode === undefined) return { id, status: "authorized", amountMinor, currency };
  return { id, status: "declined", amountMinor, currency, declineCode };
}

function move(charge: Charge | undefined, act: ChargeAct, to: ChargeStatus, from: ChargeStatus[]): Decision {
  if (charge?.status === to) return { outcome: "unchanged", charge };
  if (charge !== undefined && from.includes(charge.status)) {
    return { outcome: "applied", charge: { ...charge, status: to } };
  }
  return refuse(charge, act);
}

function refuse(charge: Charge | undefined, act: ChargeAct): Decision {
  return {
    outcome: "refused",
    charge,
    refusal: {
      code: charge === undefined ? "unknown_reference" : "not_allowed",
      message: `Cannot ${act.action} "${act.reference}": ${charge?.status ?? "never authorized"}`,
    },
  };
}
