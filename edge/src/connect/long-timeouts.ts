/** Timeouts that Connect and gRPC can carry and Node cannot, in the headers of a request. */
import { LONGEST_TIMER_MS, shortenedTimeout } from "@row/runtime/rpc/long-timeouts.ts";

/** Shortens what a request asks for to what a timer can hold; no call lasts that long. */
export function shortenTimeouts(header: Headers): void {
  if (Number(header.get("connect-timeout-ms")) > LONGEST_TIMER_MS) {
    header.set("connect-timeout-ms", String(LONGEST_TIMER_MS));
  }
  const timeout = header.get("grpc-timeout");
  if (timeout !== null) header.set("grpc-timeout", shortenedTimeout(timeout));
}
