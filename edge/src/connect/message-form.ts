/** How a request of Connect, gRPC-Web or gRPC carries its message. */
import type { Compression } from "@connectrpc/connect/protocol";
import { REQUEST_COMPRESSIONS } from "./request-compression.ts";

export interface MessageForm {
  readonly isJson: boolean;
  /** Whether a byte of flags and four of length stand before the message. */
  readonly isEnveloped: boolean;
  /** What the message may be compressed with. */
  readonly compression: Compression | undefined;
}

export const ENVELOPE_BYTES = 5;
const IS_COMPRESSED = 1;
const TYPE = /^application\/(connect|grpc(?:-web)?)?\+?(json|proto)?\s*(?:;|$)/i;

/** The form that the headers announce; undefined for a type that none of the protocols has. */
export function formOf(header: Headers): MessageForm | undefined {
  const found = TYPE.exec(header.get("content-type") ?? "");
  if (!found) return undefined;
  const [, protocol = "", format = ""] = found;
  const coding = header.get(codingHeader(protocol.toLowerCase()));
  return {
    isJson: format.toLowerCase() === "json",
    isEnveloped: protocol !== "",
    compression: REQUEST_COMPRESSIONS.find(({ name }) => name === coding),
  };
}

function codingHeader(protocol: string): string {
  if (protocol === "") return "content-encoding";
  return protocol === "connect" ? "connect-content-encoding" : "grpc-encoding";
}

/**
 * The messages of a body, unpacked, without those that the protocol itself refuses. It does so with every message after
 * the first, but reads the second: no more are unpacked, or a small body could become a very large one.
 */
export async function messagesIn(form: MessageForm, body: Buffer, maxBytes: number): Promise<Uint8Array[]> {
  const messages: (Uint8Array | undefined)[] = [];
  if (!form.isEnveloped) messages.push(form.compression ? await unpacked(form, body, maxBytes) : body);
  for (let at = 0; form.isEnveloped && messages.length < 2 && at + ENVELOPE_BYTES <= body.length; ) {
    const isCompressed = (body.readUInt8(at) & IS_COMPRESSED) !== 0;
    const start = at + ENVELOPE_BYTES;
    at = start + body.readUInt32BE(at + 1);
    const message = body.subarray(start, at);
    if (at <= body.length) messages.push(isCompressed ? await unpacked(form, message, maxBytes) : message);
  }
  return messages.filter((message) => message !== undefined);
}

/** Undefined for what cannot be unpacked, which is refused when the protocol tries. */
function unpacked({ compression }: MessageForm, message: Buffer, maxBytes: number): Promise<Uint8Array | undefined> {
  return compression ? compression.decompress(message, maxBytes).catch(() => undefined) : Promise.resolve(undefined);
}
