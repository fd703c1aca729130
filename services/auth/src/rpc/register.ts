import { RegisterRequest, RegisterResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import { once } from "@row/runtime/database/idempotency.ts";
import { displayName, normalEmail } from "../account.ts";
import type { Auth } from "../auth.ts";
import { keyedHash } from "../derived-key.ts";
import { openAccount } from "../open-account.ts";

const types = { request: RegisterRequest, response: RegisterResponse };

/**
 * Takes the same steps, the slow one above all, whether or not the address has an account. That whoever can sign in after
 * registering knows the address was free is another matter: only a letter to the address could hide it.
 */
export async function register(auth: Auth, request: RegisterRequest, call: Call): Promise<RegisterResponse> {
  const applicant = { email: normalEmail(request.email), displayName: displayName(request.displayName) };
  // What is remembered of a body is a fast hash, from which a password could be guessed.
  const body = { ...request, password: keyedHash(auth.requestKey, request.password) };
  return once(auth.pool, call, types, body, async (remember) => {
    const passwordHash = await auth.passwords.hash(request.password, call.signal);
    await openAccount(auth.pool, { ...applicant, passwordHash }, auth.origin(call), remember({}));
    crashPoint("auth.after-register");
    auth.relay.wake();
    return {};
  });
}
