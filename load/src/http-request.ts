/** A request as the bytes of HTTP/1.1, made once and sent as often as wanted. Pure: text in, text out. */

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Gets an Idempotency-Key of its own each time it is sent. */
  readonly isMutation?: boolean;
}

/** The text of a request; in two parts, with the idempotency key between them, where it has one. */
export function encode({ method, path, headers, body = "", isMutation }: HttpRequest): string[] {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "host: 127.0.0.1",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body ? [`content-length: ${Buffer.byteLength(body)}`] : []),
  ];
  const rest = `\r\n\r\n${body}`;
  const head = lines.join("\r\n");
  return isMutation ? [`${head}\r\nidempotency-key: `, rest] : [head + rest];
}

/** The reason of a google.rpc.Status; undefined in any other body. */
export function reasonOf(body: string): string | undefined {
  return /"reason": ?"(\w+)"/.exec(body)?.[1];
}
