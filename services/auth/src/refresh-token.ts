import { createHash, randomBytes } from "node:crypto";
import { DomainError } from "@row/runtime/domain-error.ts";

/** How long a refresh token is good for when it is not used. */
export const REFRESH_TOKEN_SECONDS = 30 * 24 * 3_600;

export class RefreshTokenInvalid extends DomainError {
  constructor() {
    super(
      "unauthenticated",
      "REFRESH_TOKEN_INVALID",
      "Cannot refresh: the token is unknown, expired or its session ended; sign in again",
    );
  }
}

export class RefreshTokenReused extends DomainError {
  constructor() {
    super(
      "unauthenticated",
      "REFRESH_TOKEN_REUSED",
      "Cannot refresh: the token was used before, so its session has ended; sign in again",
    );
  }
}

/** A new token, 256 bits that nobody can guess, and the hash under which it is known. */
export function newRefreshToken(): { token: string; hash: Buffer } {
  const token = randomBytes(32).toString("base64url");
  return { token, hash: hashOf(token) };
}

/** A fast hash will do: what is hashed is as random as the hash. */
export function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
