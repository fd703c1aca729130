import { randomUUIDv7 } from "node:crypto";
import type { LoginRequest, LoginResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { accessToken } from "../access-token.ts";
import { BadCredentials, normalEmail } from "../account.ts";
import { findCredentials } from "../account-store.ts";
import type { Auth } from "../auth.ts";
import { keyedHash } from "../derived-key.ts";
import { newRefreshToken } from "../refresh-token.ts";
import { noteRefusedSession, startSession } from "../session-store.ts";

export async function login(auth: Auth, request: LoginRequest, call: Call): Promise<LoginResponse> {
  const email = normalEmail(request.email);
  const known = await findCredentials(auth.pool, email);
  // Made for a known address as well, so that both cost the same.
  const address = keyedHash(auth.addressKey, email);
  const isRight = await auth.passwords.verify(known?.passwordHash, request.password, call.signal);
  if (!known || !isRight) {
    const target = known ? `user:${known.userId}` : `address:${address}`;
    await noteRefusedSession(auth.pool, target, { actor: "anonymous", correlationId: call.correlationId });
    throw new BadCredentials();
  }
  const { token: refreshToken, hash: tokenHash } = newRefreshToken();
  const session = { id: randomUUIDv7(), userId: known.userId, tokenHash };
  const user = await startSession(auth.pool, session, call.correlationId);
  return { ...(await accessToken(auth.keys, user)), refreshToken };
}
