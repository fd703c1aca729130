/** Answers that grpc-js gives by itself, before or beside our handlers, put right where they blame the callee for its caller. */
import { Metadata, ServerInterceptingCall, type ServerInterceptor, type StatusObject, status } from "@grpc/grpc-js";
import { DomainError } from "../domain-error.ts";
import { excessOfInterceptedCall, refusingExcess } from "./metadata-limit.ts";
import { toAnswer } from "./status.ts";

/** A status as grpc-js makes it: it has no metadata, ours always has. */
type LibraryStatus = Partial<Omit<StatusObject, "metadata">> & { readonly metadata?: Metadata | null };

/** What grpc-js 1.14 says, as INTERNAL, of requests that it cannot read. */
const UNREADABLE = /^(Invalid grpc-timeout value|Failed to decompress message|Error deserializing request)/;

/**
 * To be used for every call. grpc-js sends its own answers past all interceptors, so they are caught at the call's `sendStatus`:
 * DEADLINE_EXCEEDED when the caller's time is over before a handler had its say, INTERNAL for what the caller got wrong. Both count
 * in circuit breakers (see uncounted-status.ts).
 */
export const rightLibraryAnswers: ServerInterceptor = (_method, call) => {
  const { sendStatus } = call;
  call.sendStatus = (answer: LibraryStatus) =>
    sendStatus.call(call, answer.metadata ? (answer as StatusObject) : righted(answer));
  const size = excessOfInterceptedCall();
  if (size !== undefined) return new ServerInterceptingCall(call, refusingExcess(call, size));
  // Wrapping costs every call something. Where nothing intercepts, grpc-js serves this very call.
  return call as ServerInterceptingCall;
};

function righted({ code = status.UNKNOWN, details = "" }: LibraryStatus): StatusObject {
  if (code === status.DEADLINE_EXCEEDED) {
    return toAnswer(new DomainError("cut-short", "DEADLINE_EXCEEDED", "Cannot answer in time"), "").status;
  }
  if (code === status.INTERNAL && UNREADABLE.test(details)) {
    return toAnswer(new DomainError("invalid", "MALFORMED_MESSAGE", `Cannot read the request: ${details}`), "").status;
  }
  return { code, details, metadata: new Metadata() };
}
