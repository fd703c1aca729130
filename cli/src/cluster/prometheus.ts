/** A cluster's Prometheus, through a port-forward or at a URL. */
import { createInterface } from "node:readline";
import { RowError } from "@row/topology/row-error.ts";
import { Kubectl, KubectlFailed } from "./kubectl.ts";

const NAMESPACE = "observability";
const SERVICE = "service/prometheus";
const PORT = 9090;

/** One series of an answer: its labels, and its value now. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A Prometheus that can be asked, until it is closed. */
export interface Prometheus {
  ask(query: string): Promise<Sample[]>;
  close(): void;
}

/** The Prometheus at a URL, or else the observability profile's, through a port-forward of its own. */
export async function openPrometheus(kubectl: Kubectl, url: string | undefined): Promise<Prometheus> {
  if (url) return { ask: (query) => askAt(url, query), close: () => {} };
  const child = new Kubectl(kubectl.context, NAMESPACE).start("port-forward", SERVICE, `:${PORT}`);
  const ended = kubectl.end(child);
  const forwarded = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [, port] = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line) ?? [];
      if (port) resolve(`http://127.0.0.1:${port}`);
    });
  });
  const refused = ended.then((error) => {
    const isAbsent = error instanceof KubectlFailed && error.isNotFound;
    const message = isAbsent
      ? `Cannot show calls: there is no Prometheus in the namespace ${NAMESPACE}. Run \`tilt up -- --observability\`, or say where one is with --prometheus URL`
      : `Cannot reach Prometheus: ${error.message}`;
    throw new RowError(message);
  });
  const at = await Promise.race([forwarded, refused]);
  refused.catch(() => {}); // it ends when it is closed
  return { ask: (query) => askAt(at, query), close: () => child.kill() };
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly result: { metric: Record<string, string>; value: [number, string] }[] };
}

async function askAt(url: string, query: string): Promise<Sample[]> {
  const response = await fetch(`${url.replace(/\/$/, "")}/api/v1/query?${new URLSearchParams({ query })}`).catch(() => {
    throw new RowError(`Cannot reach Prometheus at ${url}`);
  });
  const answer = (await response.json().catch(() => ({ status: "error", error: `HTTP ${response.status}` }))) as Answer; // Prometheus's API, version 1
  if (answer.status !== "success" || !answer.data) throw new RowError(`Prometheus refused: ${answer.error}`);
  return answer.data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}
