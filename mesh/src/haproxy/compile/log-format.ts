/** One line per request, over UDP to the observer; fields are joined by "|". */
import type { Workload } from "../workload.ts";
import type { Line } from "./section.ts";

const CODE = "%[var(txn.grpc_status)]";
const MICROSECONDS = "%[date(0,us),sub(txn.start)]";
const START = "%[var(txn.start)]";
const TRACE = "%[var(txn.traceparent)]";

function format(fields: readonly string[]): Line {
  return `log-format ${fields.join("|")}`;
}

/** What the two formats read; the time first, so that nothing before it goes unmeasured. */
const NOTED: readonly Line[] = [
  "http-request set-var(txn.start) date(0,us)",
  "http-request set-var(txn.traceparent) req.hdr(traceparent)",
  "http-after-response set-var(txn.grpc_status) res.hdr(grpc-status)",
];

/** O|instance|backend|server|HTTP status|grpc-status|µs|retries|termination|path|traceparent|start */
export function outboundLog({ instance }: Workload): Line[] {
  const fields = ["O", instance, "%b", "%[srv_name]", "%ST", CODE, MICROSECONDS, "%rc", "%ts", "%HPO", TRACE, START];
  return [format(fields), ...NOTED];
}

/** I|instance|caller|frontend|route|decision|policy|HTTP status|grpc-status|µs|termination|path|traceparent|start */
export function inboundLog({ instance }: Workload): Line[] {
  const decision = ["%[var(txn.route)]", "%[var(txn.decision,allow)]", "%[var(txn.policy)]"];
  const outcome = ["%ST", CODE, MICROSECONDS, "%ts", "%HPO", TRACE, START];
  return [
    format(["I", instance, "%[var(txn.caller)]", "%f", ...decision, ...outcome]),
    ...NOTED,
    // Only what failed or is traced is worth a line here: the caller's sidecar counts them all.
    "# The last digit of the flags is odd when their bit 0 is set: the trace is recorded",
    "acl is-traced var(txn.traceparent),field(4,-) -m end -- 1 3 5 7 9 b d f",
    "acl has-failed res.hdr(grpc-status) 2 4 13 14 15",
    "acl has-failed status 500:599",
    "http-response set-log-level silent unless is-traced or has-failed",
  ];
}
