/** One line per request, over UDP to the observer. */
import { INBOUND_FIELDS, lineFormat, OUTBOUND_FIELDS } from "../request-line.ts";
import type { Workload } from "../workload.ts";
import type { Line } from "./section.ts";

/** What the two formats read; the time first, so that nothing before it goes unmeasured. */
const NOTED: readonly Line[] = [
  "http-request set-var(txn.start) date(0,us)",
  "http-request set-var(txn.traceparent) req.hdr(traceparent)",
  "http-after-response set-var(txn.grpc_status) res.hdr(grpc-status)",
];

export function outboundLog({ instance }: Workload): Line[] {
  return [`log-format ${lineFormat(OUTBOUND_FIELDS, instance)}`, ...NOTED];
}

export function inboundLog({ instance }: Workload): Line[] {
  return [
    `log-format ${lineFormat(INBOUND_FIELDS, instance)}`,
    ...NOTED,
    // Only what failed or is traced is worth a line here: the caller's sidecar counts them all.
    "# The last digit of the flags is odd when their bit 0 is set: the trace is recorded",
    "acl is-traced var(txn.traceparent),field(4,-) -m end -- 1 3 5 7 9 b d f",
    "acl has-failed res.hdr(grpc-status) 2 4 13 14 15",
    "acl has-failed status 500:599",
    "http-response set-log-level silent unless is-traced or has-failed",
  ];
}
