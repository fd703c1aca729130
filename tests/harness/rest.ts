import { randomUUIDv7 } from "node:crypto";

/** What the edge answered. */
export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into JSON freely, and a wrong path makes them fail
  body: any;
}

export interface Asking {
  token?: string;
  headers?: Record<string, string>;
  /** An Idempotency-Key; a new one with every POST when absent. */
  key?: string;
}

/** Speaks REST/JSON to the edge, as curl would. */
export class Rest {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  get(path: string, asking: Asking = {}): Promise<Answer> {
    return this.send("GET", path, undefined, asking);
  }

  post(path: string, body: unknown = {}, asking: Asking = {}): Promise<Answer> {
    return this.send("POST", path, JSON.stringify(body), { key: randomUUIDv7(), ...asking });
  }

  patch(path: string, body: unknown, asking: Asking = {}): Promise<Answer> {
    return this.send("PATCH", path, JSON.stringify(body), asking);
  }

  /** Sends a body as it is, well-formed or not. */
  async send(method: string, path: string, body?: string | Uint8Array, asking: Asking = {}): Promise<Answer> {
    const response = await this.open(method, path, body, asking);
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json");
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  /** The answer with its body still to be read, for streams. */
  open(method: string, path: string, body: string | Uint8Array | undefined, asking: Asking = {}): Promise<Response> {
    const headers: Record<string, string> = { ...asking.headers };
    if (body !== undefined) headers["content-type"] ??= "application/json";
    if (asking.token !== undefined) headers.authorization = `Bearer ${asking.token}`;
    if (asking.key !== undefined) headers["idempotency-key"] = asking.key;
    return fetch(this.url + path, { method, headers, body: body as RequestInit["body"] });
  }
}

/** The body of an answer that must be a success. */
export function expectOk({ status, body }: Answer): Answer["body"] {
  if (status >= 200 && status < 300) return body;
  throw new Error(`Expected a success, got ${status}: ${JSON.stringify(body)}`);
}

/** The ErrorInfo of an answer that is a google.rpc.Status; undefined without one. */
export function errorInfo({
  body,
}: Answer): { reason: string; domain: string; metadata?: Record<string, string> } | undefined {
  return detail(body, "google.rpc.ErrorInfo");
}

/** The fields that a google.rpc.Status says are wrong. */
export function fieldViolations({ body }: Answer): { field: string; description: string }[] {
  return detail(body, "google.rpc.BadRequest")?.fieldViolations ?? [];
}

function detail(body: Answer["body"], type: string): Answer["body"] {
  const details: { "@type": string }[] = body?.details ?? [];
  return details.find((candidate) => candidate["@type"] === `type.googleapis.com/${type}`);
}
