import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { RowError } from "@row/topology/row-error.ts";
import type { Installation } from "../installation.ts";
import { askStatus } from "../supervisor/control-client.ts";

/** The base URL of the running shop's observer; refuses when the shop does not run, or has no mesh to observe. */
export async function observerUrl({ stateDir }: Installation): Promise<string> {
  const { processes } = await askStatus(stateDir);
  const address = processes.find(({ name }) => name === "observer")?.addresses.http;
  if (!address) throw new RowError("This shop runs without the mesh: start it again without --no-mesh");
  return `http://${address}`;
}

/** What the observer answers as JSON. */
export async function askObserver<Answer>(
  url: string,
  path: string,
  how?: Pick<RequestInit, "method" | "signal">,
): Promise<Answer> {
  const response = await get(url, path, how);
  return (await response.json()) as Answer; // the observer is of the same version
}

/** The lines of a stream that the observer sends for as long as it is read. */
export async function* followObserver<Line>(url: string, path: string, signal?: AbortSignal): AsyncGenerator<Line> {
  const { body } = await get(url, path, signal ? { signal } : {});
  if (!body) return;
  // Node's own type of the same stream.
  const lines = createInterface({
    input: Readable.fromWeb(body as ReadableStream),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  try {
    // An empty line is a sign of life.
    for await (const line of lines) if (line !== "") yield JSON.parse(line) as Line; // as above
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // what fetch says of a stream that broke off
    throw new RowError(`The observer at ${url} broke off: see \`npx row logs observer\``);
  }
}

async function get(url: string, path: string, how: RequestInit = {}): Promise<Response> {
  const response = await fetch(url + path, how).catch(() => {
    throw new RowError(`Cannot reach the observer at ${url}: see \`npx row logs observer\``);
  });
  if (response.ok) return response;
  const { message } = (await response.json()) as { message: string }; // as above
  throw new RowError(message);
}

/** "?service=catalog&window=60", or as much of it as is asked for. */
export function about(service: string | undefined, windowSeconds?: number): string {
  const query = new URLSearchParams({
    ...(service && { service }),
    ...(windowSeconds !== undefined && { window: String(windowSeconds) }),
  });
  return query.size > 0 ? `?${query}` : "";
}
