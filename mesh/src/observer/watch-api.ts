/** Opens, reads and closes watches over HTTP. */
import { boundOf } from "./latency-buckets.ts";
import type { WatchCounts } from "./watch.ts";
import type { Watches } from "./watches.ts";

/** What POST /watches?service=catalog&thresholdUs=12287&thresholdUs=… answers. */
export interface OpenedWatch {
  readonly id: string;
}

const PATH = "/watches";
const MOST_THRESHOLDS = 10;
const LONGEST_NAME = 63;

export function answerWatches(
  method: string,
  { pathname, searchParams }: URL,
  watches: Watches,
  linesLost: number,
): { readonly status: number; readonly body: OpenedWatch | WatchCounts | { readonly message: string } } {
  if (method === "POST" && pathname === PATH) return open(searchParams, watches);
  const id = pathname.slice(PATH.length + 1);
  if (method === "DELETE" && id) {
    return watches.close(id) ? { status: 200, body: { id } } : notThere(id);
  }
  if (method !== "GET" || !id) return { status: 405, body: { message: `Cannot ${method} ${pathname}` } };
  const watch = watches.find(id, performance.now());
  return watch ? { status: 200, body: { linesLost, ...watch.counts() } } : notThere(id);
}

function open(query: URLSearchParams, watches: Watches) {
  const service = query.get("service") ?? "";
  const thresholdsUs = query.getAll("thresholdUs").map(Number);
  const isName = service !== "" && service.length <= LONGEST_NAME;
  const areBounds = thresholdsUs.length <= MOST_THRESHOLDS && thresholdsUs.every((us) => us >= 0 && us === boundOf(us));
  if (!isName || !areBounds) {
    const message = `Cannot watch: service is a name, thresholdUs up to ${MOST_THRESHOLDS} bounds of buckets in µs`;
    return { status: 400, body: { message } };
  }
  const id = watches.open(service, thresholdsUs, performance.now());
  if (id) return { status: 200, body: { id } };
  return { status: 503, body: { message: "Cannot watch: too many watches are open" } };
}

function notThere(id: string) {
  return { status: 404, body: { message: `Cannot find watch ${id}: it was closed, or nobody looked for a minute` } };
}
