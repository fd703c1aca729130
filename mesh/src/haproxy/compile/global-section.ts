/** What every sidecar's process and connections are like. */
import type { Workload } from "../workload.ts";
import { errorFile } from "./errors.ts";
import { quoted, section } from "./section.ts";
import { SERVERS_FILE } from "./servers.ts";

/** Longer than any stream lasts: what ends a call is its route's timeout or its caller's deadline. */
const FOR_EVER = "24d";
/** Beyond this a whole connection ends: far more than services take of a call (runtime/src/rpc/metadata-limit.ts), so that they can say so. */
const CARRIED_BYTES = 32 * 1024;
const CARRIED_HEADERS = 1_000;

export function processSection({ instance, sidecar: { folder, statsSocket, logAddress } }: Workload): string {
  return section(`The sidecar of ${instance}`, "global", [
    "nbthread 1",
    "maxconn 4096",
    "# With fewer file descriptors than that takes, serve fewer rather than none",
    "no strict-limits",
    "# After a reload the old process stays for the streams it has, but not for ever",
    "hard-stop-after 10m",
    `stats socket unix@${quoted(statsSocket)} mode 600 level admin expose-fd listeners`,
    "stats timeout 1h",
    "# Who gets no calls when it starts",
    `server-state-file ${quoted(`${folder}/${SERVERS_FILE}`)}`,
    `log ${logAddress} len 2048 format raw local0`,
    "",
    "tune.h2.initial-window-size 1048576",
    "tune.h2.max-concurrent-streams 1000",
    "# What is too much metadata for the app is carried to it all the same: it refuses that call alone",
    `tune.bufsize ${CARRIED_BYTES}`,
    `tune.http.maxhdr ${CARRIED_HEADERS}`,
    "",
    "ssl-default-bind-options ssl-min-ver TLSv1.3",
    "ssl-default-server-options ssl-min-ver TLSv1.3",
    "ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256",
    "ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256",
  ]);
}

const PROXY = [
  "mode http",
  "log global",
  "timeout connect 1s",
  `timeout server ${FOR_EVER}`,
  "http-reuse always",
  "# A call whose caller's connection is gone goes no further, and whoever works on it is told",
  "option abortonclose",
];

/** For what the app calls: over mutual TLS to the callee's sidecar. */
export function outboundDefaults({ sidecar: { folder, certificate, anchor } }: Workload): string {
  const tls = `ssl crt ${quoted(certificate)} ca-file ${quoted(anchor)} verify required alpn h2 no-ssl-reuse`;
  return section("Calls to other workloads", "defaults outbound", [
    ...PROXY,
    `timeout client ${FOR_EVER}`,
    "balance leastconn",
    "retries 0",
    "option redispatch 1",
    "load-server-state-from-file global",
    `errorfile 502 ${quoted(`${folder}/${errorFile("broken")}`)}`,
    `errorfile 503 ${quoted(`${folder}/${errorFile("unavailable")}`)}`,
    `errorfile 504 ${quoted(`${folder}/${errorFile("timed-out")}`)}`,
    "# An instance that has just started is slow at first: it gets few calls, then more",
    `default-server ${tls} pool-max-conn 100 pool-purge-delay 1m slowstart 3s`,
  ]);
}

/** For connections that others open. A stream that has nothing to say waits for its app, not for its client: no clock of theirs runs. */
const CONNECTION_TIMES = [
  "# How long a client may not read, not finish a request, not begin one, and not ask again",
  "timeout client 60s",
  "timeout http-request 10s",
  "timeout http-keep-alive 60s",
];

/** For what the app serves: over its unix socket. An app that is not there is a 503, which the caller's sidecar may retry. */
export function inboundDefaults(): string {
  return section("Calls to the app", "defaults inbound", [
    ...PROXY,
    ...CONNECTION_TIMES,
    "retries 0",
    "default-server pool-max-conn 100 pool-purge-delay 1m",
  ]);
}
