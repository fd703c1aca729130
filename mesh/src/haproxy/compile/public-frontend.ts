/** The shop's front door: HTTP/1.1 and HTTP/2 on the same ports, open to everybody. */
import type { Workload } from "../workload.ts";
import { CONNECTIONS_TABLE, connectionShare } from "./connection-share.ts";
import { httpErrors } from "./errors.ts";
import { inboundLog } from "./log-format.ts";
import { quoted, section } from "./section.ts";

/** Of the process's 4,096: the rest is for what the app calls. */
const PUBLIC_CONNECTIONS = 3_000;

/** Nothing for a workload that serves gRPC alone. */
export function edge(workload: Workload): string[] {
  const { httpSocket, appSocket, laptopPorts, sidecar } = workload;
  const { folder } = sidecar;
  if (httpSocket === undefined || laptopPorts.length === 0) return [];
  const isGrpc = "{ req.ver 2.0 } { req.hdr(content-type) -m reg ^application/grpc([+;]|$) }";
  return [
    section("Calls from anywhere: the app itself says who may do what", "frontend in:laptop", [
      ...laptopPorts.map((port) => `bind 127.0.0.1:${port}`),
      ...connectionShare(PUBLIC_CONNECTIONS),
      ...httpErrors(folder),
      "# After a reload a client of HTTP/1.1 is told with its next answer: one that just asks must not find its connection closed",
      "option idle-close-on-response",
      ...inboundLog(workload),
      "# A stranger's trace is not the shop's: the app begins one of its own",
      "http-request unset-var(txn.traceparent)",
      "",
      "# Where a request comes from and in whose name is not for the client to say",
      "http-request del-header l5d-client-id",
      "http-request set-header x-forwarded-for %[src]",
      "",
      ...(appSocket === undefined ? [] : [`use_backend app if ${isGrpc}`]),
      "default_backend app:http",
    ]),
    section("The app's HTTP", "backend app:http", [
      "# What was not answered on a connection that closed is asked again, where that is harmless",
      "retries 1",
      "retry-on conn-failure empty-response",
      "http-request disable-l7-retry unless METH_GET",
      ...httpErrors(folder),
      `server app unix@${quoted(httpSocket)}`,
    ]),
    ...(appSocket === undefined ? [CONNECTIONS_TABLE] : []),
  ];
}
