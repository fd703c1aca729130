import type { ChargeAct } from "./charge.ts";

/** A request that names the field and what it should be. */
export class Malformed extends Error {
  readonly field: string;
  constructor(field: string, expectation: string) {
    super(`Malformed ${field}: ${expectation}`);
    this.field = field;
  }
}

export function parseReference(text: unknown): string {
  return match("reference", text, /^[A-Za-z0-9_-]{1,64}$/, "1 to 64 letters, digits, - or _");
}

export function parseKey(text: unknown): string {
  return match("Idempotency-Key", text, /^[\x21-\x7e]{1,128}$/, "the header is required: 1 to 128 visible characters");
}

export function parseAuthorization(body: string): ChargeAct {
  const fields = parseObject(body, ["reference", "amountMinor", "currency", "token"]);
  return {
    action: "authorize",
    reference: parseReference(fields.get("reference")),
    amountMinor: match(
      "amountMinor",
      fields.get("amountMinor"),
      /^[1-9][0-9]{0,17}$/,
      "a positive whole number of minor units, as a string",
    ),
    currency: match("currency", fields.get("currency"), /^[A-Z]{3}$/, "three capital letters, such as EUR"),
    // Whatever it is: a token that nobody issued is declined, not malformed.
    token: match("token", fields.get("token"), /^.{1,256}$/s, "1 to 256 characters"),
  };
}

/** Capture, void and refund are always of the whole amount: there is nothing to say in the body. */
export function parseStep(action: "capture" | "void" | "refund", reference: string, body: string): ChargeAct {
  if (body !== "") parseObject(body, []);
  return { action, reference: parseReference(reference) };
}

function parseObject(body: string, known: string[]): Map<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Malformed("body", "not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Malformed("body", "not an object");
  const fields = new Map<string, unknown>(Object.entries(value));
  for (const name of fields.keys()) if (!known.includes(name)) throw new Malformed(name, "unknown field");
  return fields;
}

function match(field: string, value: unknown, pattern: RegExp, expectation: string): string {
  if (typeof value !== "string" || !pattern.test(value)) throw new Malformed(field, expectation);
  return value;
}
