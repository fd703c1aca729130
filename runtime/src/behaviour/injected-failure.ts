/** The answer to a call that was made to fail on purpose. */
import { status } from "@grpc/grpc-js";
import type { BehaviourOf } from "./catalogue.ts";

export class InjectedFailure extends Error {
  readonly code: status;

  /** @param label who fails and how, "catalog/v2:errors" */
  constructor(label: string, code: BehaviourOf<"errors">["status"]) {
    super(`Cannot answer: a failure was injected (${label})`);
    this.code = status[code];
  }
}
