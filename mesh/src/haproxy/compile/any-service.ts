/** The toolbox's port: calls to any service, each handed to the listener of the service it is for. */
import { NAMESPACE } from "@row/runtime/names.ts";
import type { Workload } from "../workload.ts";
import { errorFile } from "./errors.ts";
import { quoted, section } from "./section.ts";

/** Nothing for a workload without such a port. */
export function anyService({ anyServicePort, calls, sidecar, reflectionAddress }: Workload): string[] {
  if (anyServicePort === undefined) return [];
  const answer = quoted(`${sidecar.folder}/${errorFile("no-such-service")}`);
  return [
    section("Calls to any service", "frontend any-service", [
      "# The listener that takes over writes the line",
      "no log",
      `bind 127.0.0.1:${anyServicePort} proto h2`,
      "",
      "# By the method's package; health and reflection by the authority, where it names a service",
      ...calls.map((service) => `use_backend any:${service} if { path_beg -- /${NAMESPACE}.${service}. }`),
      ...calls.map((service) => `use_backend any:${service} if { req.hdr(host),field(1,:) -m str -- ${service} }`),
      ...(reflectionAddress === undefined ? [] : ["use_backend any:reflection if { path_beg /grpc.reflection. }"]),
      "default_backend any:none",
    ]),
    ...calls.map((service) =>
      section(`The listener for ${service}`, `backend any:${service}`, [
        `server listener unix@${quoted(sidecar.outboundSockets[service] ?? "")} proto h2`,
      ]),
    ),
    ...(reflectionAddress === undefined
      ? []
      : [
          section("Describes all that end users may call, as the toolbox may", "backend any:reflection", [
            `server edge ${reflectionAddress} proto h2`,
          ]),
        ]),
    section("No service has this method or authority", "backend any:none", [
      `http-request deny deny_status 200 errorfile ${answer}`,
    ]),
  ];
}
