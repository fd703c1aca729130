/** Where business bugs can be injected into payments, for experiments: service.yaml names them, nothing else asks for them. */
import { hasBug } from "@row/runtime/behaviour/injection.ts";
import type { GatewayAnswer } from "./card-gateway.ts";

/** "declines-cards": takes an authorization of the card gateway for a decline. */
export function misreadAuthorization(answer: GatewayAnswer): GatewayAnswer {
  const isMisread = answer.status === "authorized" && hasBug("declines-cards");
  return isMisread ? { status: "declined", declineCode: "card_declined" } : answer;
}
