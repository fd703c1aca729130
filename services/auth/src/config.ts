import { integer, text, type Variable } from "@row/runtime/config.ts";
import { databaseVariables, eventVariables } from "@row/runtime/variables.ts";

/** Under 256 bits of base64url a secret is a password, and passwords get guessed. */
const SECRET_LENGTH = 32;

function secret(name: string): Variable<string> {
  return {
    ...text(name),
    parse(value) {
      if (value.length < SECRET_LENGTH) throw new Error(`must hold at least ${SECRET_LENGTH} characters`);
      return value;
    },
  };
}

export const variables = {
  ...databaseVariables,
  ...eventVariables,
  /** Encrypts the signing keys, and keys the hashes of what is personal. */
  keySecret: secret("AUTH_KEY_SECRET"),
  keyRotationHours: integer("AUTH_KEY_ROTATION_HOURS", { min: 1, max: 8_760 }, 168),
  /** Each takes 19 MiB and one of the process's four pool threads. */
  passwordsAtOnce: integer("AUTH_PASSWORDS_AT_ONCE", { min: 1, max: 16 }, 2),
};
