/** `row tap`: requests as they pass. */
import type { Installation } from "@row/laptop/installation.ts";
import { about, followObserver, observerUrl } from "@row/laptop/sidecars/observer-client.ts";
import type { TapLine, TappedRequest } from "@row/mesh/observer/tap.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { bad, lesser, versioned, warning } from "../colours.ts";
import { duration } from "../durations.ts";
import { TapFilter } from "../tap-filter.ts";
import { flow, terminalWidth } from "../terminal.ts";

interface TapFlags {
  to?: string;
  method?: string;
  path?: string;
  maxRps?: string;
  json?: boolean;
}

export function tapCommand(here: () => Installation): Command {
  return new Command("tap")
    .description("print requests between services as they pass, until Ctrl-C")
    .argument("[service]", "only requests to or from it; catalog-v2 for one version")
    .option("--to <service>", "only requests to it; catalog-v2 for one version")
    .option("--method <name>", "only requests of it, such as GetProduct or CatalogService/GetProduct")
    .option("--path <start>", "only requests whose path begins so, such as /shop.orders.")
    .option("--max-rps <count>", "print no more of them in a second, and say how many are left out")
    .option("--json", "print a JSON object a line")
    .action((service: string | undefined, flags: TapFlags) => tap(here(), service, flags));
}

/** Prints requests as they pass, until Ctrl-C. */
async function tap(installation: Installation, service: string | undefined, flags: TapFlags): Promise<void> {
  const { json, maxRps, ...which } = flags;
  const filter = new TapFilter({ ...which, ...(maxRps !== undefined && { maxRps: rate(maxRps) }) });
  const url = await observerUrl(installation);
  for await (const line of followObserver<TapLine>(url, `/tap${about(service)}`)) {
    for (const shown of filter.take(line, Date.now())) console.log(json ? JSON.stringify(shown) : render(shown));
  }
}

function rate(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new RowError(`Cannot print ${text} requests a second: give a whole number from 1`);
}

/** Narrower terminals leave out what else tells: a method's service and package, and which version an instance is of. */
const WHOLE_FROM = 120;

/** @param width of the terminal, in characters */
export function render(line: TapLine, width = terminalWidth()): string {
  if ("lost" in line) return lesser(`… ${line.lost} more, faster than they can be shown`);
  return flow(width < WHOLE_FROM ? short(line) : whole(line), { width }).join("\n");
}

function whole(request: TappedRequest): string[] {
  const { time, path, route, durationUs, retries, backend, service, server } = request;
  const notes = [duration(durationUs), route && `by ${route}`, retries > 0 && `${retries} retries`].filter(Boolean);
  const to = request.direction === "inbound" ? [server] : [backend || service, server].filter(Boolean);
  const who = `${from(request)} → ${to.map(versioned).join("/")}`;
  return [lesser(time.slice(11, -4)), who, path, outcome(request), lesser(notes.join(", "))];
}

function short(request: TappedRequest): string[] {
  const { time, path, durationUs, retries, backend, service, server } = request;
  const who = [from(request), "→", versioned(server || backend || service)];
  const notes = [duration(durationUs), ...(retries > 0 ? [`${retries} retries`] : [])];
  return [
    lesser(time.slice(11, 19)),
    ...who,
    path.slice(path.lastIndexOf("/") + 1),
    outcome(request),
    ...notes.map(lesser),
  ];
}

function from({ client }: TappedRequest): string {
  return client || "somebody without a certificate";
}

function outcome({ direction, httpStatus, grpcStatus, error }: TappedRequest): string {
  const status = grpcStatus || (httpStatus > 0 ? `HTTP ${httpStatus}` : "no answer");
  if (!error) return status === "OK" ? status : warning(status);
  return bad(`${status} (${direction === "inbound" ? `refused: ${error}` : error})`);
}
