/** Why a stream ends that the edge would have gone on with. */
import { DomainError } from "@row/runtime/domain-error.ts";

export class Stopping extends DomainError {
  constructor() {
    super("unavailable", "SERVICE_UNAVAILABLE", "Cannot go on with this stream: the edge is stopping; connect again");
  }
}
