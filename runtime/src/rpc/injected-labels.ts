/** What was injected along the way of a call, as its answer says it: "catalog/v2:errors, payments/v1:slow". */
import type { Metadata } from "@grpc/grpc-js";
import type { CallContext } from "../call.ts";

/** The header of answers and of events. */
export const INJECTED = "x-injected";

/** Has the answer of the call that is being served say what was injected into one that it made. */
export function passOnInjected(answer: Metadata, context: CallContext | undefined): void {
  const [labels] = answer.get(INJECTED);
  if (labels === undefined) return;
  for (const label of String(labels).split(", ")) context?.markInjected?.(label);
}
