/** gRPC-Web in text mode, which Google's own client speaks for streams: the frames of the binary mode in base64. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";

const TEXT_TYPE = /^application\/grpc-web-text(?=$|[+;\s])/i;
const BINARY_TYPE = /^application\/grpc-web(?=$|[+;\s])/i;
const GROUP = 4;

type Serve = (request: UniversalServerRequest) => Promise<UniversalServerResponse>;

/** Serves a request in text mode by what serves the binary mode, and any other request as it is. */
export async function serveText(request: UniversalServerRequest, serve: Serve): Promise<UniversalServerResponse> {
  const type = request.header.get("content-type") ?? "";
  const { body } = request;
  if (!TEXT_TYPE.test(type) || typeof body !== "object" || body === null || !(Symbol.asyncIterator in body)) {
    return serve(request);
  }
  request.header.set("content-type", type.replace(TEXT_TYPE, "application/grpc-web"));
  request.header.delete("content-length");
  const response = await serve({ ...request, body: decoded(body as AsyncIterable<Uint8Array>) }); // bytes, as it is no JSON
  const header = new Headers(response.header);
  header.set("content-type", (header.get("content-type") ?? "").replace(BINARY_TYPE, "application/grpc-web-text"));
  header.delete("content-length");
  return { ...response, header, ...(response.body ? { body: encoded(response.body) } : {}) };
}

/** Each piece on its own: a client must take padding within a body (PROTOCOL-WEB.md). */
async function* encoded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const bytes of body) yield Buffer.from(Buffer.from(bytes).toString("base64"));
}

async function* decoded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let text = "";
  for await (const bytes of body) {
    text += Buffer.from(bytes).toString("latin1");
    const whole = text.length - (text.length % GROUP);
    yield bytesOf(text.slice(0, whole));
    text = text.slice(whole);
  }
  yield bytesOf(text);
}

function bytesOf(text: string): Buffer {
  if (!/^[A-Za-z0-9+/=]*$/.test(text)) {
    throw new ConnectError(
      "Cannot read the request: its body is no base64, as the text mode has it",
      Code.InvalidArgument,
    );
  }
  // Node stops at padding, which may stand between two pieces.
  return Buffer.concat((text.match(/[^=]+=*/g) ?? []).map((piece) => Buffer.from(piece, "base64")));
}
