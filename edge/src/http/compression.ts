/**
 * Compresses answers for who takes it. Not by @fastify/compress, which sees only what goes through Fastify's reply, as
 * REST's answers do not. Streams are left alone, since a message must not wait for the next, and so is Connect, which
 * compresses by itself.
 */
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import { entryFor, weightedList } from "./weighted-list.ts";

export type Coding = "br" | "gzip";

/** What is shorter is sent as quickly as it is. */
const WORTHWHILE_LENGTH = 1_024;
/** Takes as long as gzip's usual level, and makes less of it. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** Whether an answer is long enough to be sent compressed, and so varies with Accept-Encoding. */
export function isWorthCompressing(text: string): boolean {
  return text.length >= WORTHWHILE_LENGTH;
}

/** The coding that the client likes best, brotli of two it likes alike; undefined when it is better sent as it is. */
export function chooseCoding(acceptEncoding: string | undefined): Coding | undefined {
  if (acceptEncoding === undefined) return undefined;
  const list = weightedList(acceptEncoding);
  const plain = entryFor(list, "identity")?.weight ?? 0;
  const weightOf = (coding: Coding) => entryFor(list, coding, "*")?.weight ?? 0;
  const best = weightOf("br") >= weightOf("gzip") ? "br" : "gzip";
  return weightOf(best) > 0 && weightOf(best) >= plain ? best : undefined;
}

/** Compresses at once: for answers of a few KiB, the way to another thread and back takes longer. */
export function compress(text: string, coding: Coding): Buffer {
  return coding === "br" ? brotliCompressSync(text, BROTLI) : gzipSync(text);
}

/** The value of Vary with Accept-Encoding in it. */
export function varyingByEncoding(vary: unknown): string {
  if (typeof vary !== "string" || vary === "") return "Accept-Encoding";
  return vary.includes("Accept-Encoding") ? vary : `${vary}, Accept-Encoding`;
}

/** A Fastify hook that compresses pages, the API's description and errors. */
export async function compressHook(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  if (typeof payload !== "string" || !isWorthCompressing(payload)) return payload;
  reply.header("vary", varyingByEncoding(reply.getHeader("vary")));
  const coding = chooseCoding(request.headers["accept-encoding"]);
  if (coding === undefined) return payload;
  reply.header("content-encoding", coding);
  return compress(payload, coding);
}
