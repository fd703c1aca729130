/** `Idempotency-Key` as the request_id that the contracts ask for. */
import { randomUUIDv7 } from "node:crypto";
import type { DescMessage, JsonObject } from "@bufbuild/protobuf";
import { InvalidField } from "@row/runtime/domain-error.ts";
import { uuidInLowerCase } from "@row/runtime/uuid.ts";
import { v5 } from "uuid";

/** Made up once; another one would make every key mean another request. */
const NAMESPACE = "6f1a2f0e-5c0b-4d1e-9a53-7d6b3f0c8a11";
const PRINTABLE = /^[\x20-\x7e]{1,255}$/;

/** Whether an RPC takes a request_id. */
export function takesRequestId(descriptor: DescMessage): boolean {
  return descriptor.fields.some(({ name }) => name === "request_id");
}

/** The request_id that a key stands for: the same key means another request for another caller or method. */
export function requestIdOf(caller: string, method: string, key: string): string {
  if (!PRINTABLE.test(key)) {
    throw new InvalidField("Idempotency-Key", "must be 1 to 255 printable ASCII characters");
  }
  return v5(`${caller}\n${method}\n${uuidInLowerCase(key)}`, NAMESPACE);
}

/** Whether a request_id beside a key says the same: it is the key itself, or what the key stands for. Throws for a bad key. */
export function isSameRequest(given: unknown, caller: string, method: string, key: string): boolean {
  const requestId = requestIdOf(caller, method, key);
  return typeof given === "string" && [uuidInLowerCase(key), requestId].includes(uuidInLowerCase(given));
}

/** Gives a proto3 JSON request its request_id: the body's, the key's, or a new one. */
export function putRequestId(target: JsonObject, key: string | undefined, caller: string, method: string): void {
  const given = target.requestId ?? target.request_id;
  const isGiven = given !== undefined && given !== null && given !== "";
  if (key === undefined) {
    if (isGiven) return;
    delete target.request_id;
    target.requestId = randomUUIDv7();
    return;
  }
  if (isGiven) {
    if (isSameRequest(given, caller, method, key)) return;
    throw new InvalidField("requestId", "is not what the Idempotency-Key header says: send one of them, or both alike");
  }
  delete target.request_id;
  target.requestId = requestIdOf(caller, method, key);
}
