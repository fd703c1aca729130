/** `row tap`: requests as they pass. */
import type { Installation } from "@row/laptop/installation.ts";
import { about, followObserver, observerUrl } from "@row/laptop/sidecars/observer-client.ts";
import type { TapLine, TappedRequest } from "@row/mesh/observer/tap.ts";
import { Command } from "commander";
import { bad, lesser, versioned, warning } from "../colours.ts";
import { duration } from "../durations.ts";

export function tapCommand(here: () => Installation): Command {
  return new Command("tap")
    .description("print requests between services as they pass, until Ctrl-C")
    .argument("[service]", "only requests to or from it; catalog-v2 for one version")
    .option("--json", "print a JSON object a line")
    .action((service: string | undefined, options: { json?: boolean }) => tap(here(), service, options));
}

/** Prints requests as they pass, until Ctrl-C. */
export async function tap(
  installation: Installation,
  service: string | undefined,
  { json }: { json?: boolean },
): Promise<void> {
  const url = await observerUrl(installation);
  for await (const line of followObserver<TapLine>(url, `/tap${about(service)}`)) {
    console.log(json ? JSON.stringify(line) : render(line));
  }
}

export function render(line: TapLine): string {
  if ("lost" in line) return lesser(`… ${line.lost} more, faster than they can be shown`);
  const { time, path, route, durationUs, retries } = line;
  const notes = [duration(durationUs), route && `by ${route}`, retries > 0 && `${retries} retries`].filter(Boolean);
  return `${lesser(time.slice(11, -4))} ${who(line)} ${path} ${outcome(line)} ${lesser(notes.join(", "))}`;
}

function who({ direction, client, service, backend, server }: TappedRequest): string {
  const from = client || "somebody without a certificate";
  return direction === "inbound"
    ? `${from} → ${versioned(server)}`
    : `${from} → ${[backend || service, server].filter(Boolean).map(versioned).join("/")}`;
}

function outcome({ direction, httpStatus, grpcStatus, error }: TappedRequest): string {
  const status = grpcStatus || (httpStatus > 0 ? `HTTP ${httpStatus}` : "no answer");
  if (!error) return status === "OK" ? status : warning(status);
  return bad(`${status} (${direction === "inbound" ? `refused: ${error}` : error})`);
}
