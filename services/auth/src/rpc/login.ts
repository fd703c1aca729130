import { randomUUIDv7 } from "node:crypto";
import type { LoginRequest, LoginResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { recordAct } from "@row/runtime/database/audit.ts";
import { accessToken } from "../access-token.ts";
import { BadCredentials, normalEmail } from "../account.ts";
import { findCredentials } from "../account-store.ts";
import type { Dependencies } from "../dependencies.ts";
import { keyedHash } from "../derived-key.ts";
import { newRefreshToken } from "../refresh-token.ts";
import { startSession } from "../session-store.ts";

export function login({ pool, passwords, keys, addressKey }: Dependencies) {
  return async (request: LoginRequest, call: Call): Promise<LoginResponse> => {
    const email = normalEmail(request.email);
    const known = await findCredentials(pool, email);
    // Made for a known address as well, so that both cost the same.
    const address = keyedHash(addressKey, email);
    const isRight = await passwords.verify(known?.passwordHash, request.password, call.signal);
    if (!known || !isRight) {
      const target = known ? `user:${known.userId}` : `address:${address}`;
      await recordAct(pool, { actor: "anonymous", action: "session.start-refused", target });
      throw new BadCredentials();
    }
    const { token: refreshToken, hash: tokenHash } = newRefreshToken();
    const session = { id: randomUUIDv7(), userId: known.userId, tokenHash };
    const user = await startSession(pool, session, call.correlationId);
    return { ...(await accessToken(keys, user)), refreshToken };
  };
}
