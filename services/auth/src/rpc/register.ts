import type { RegisterRequest, RegisterResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import { type IdempotentHandler, idempotent } from "@row/runtime/database/idempotency.ts";
import { displayName, normalEmail } from "../account.ts";
import type { Dependencies } from "../dependencies.ts";
import { keyedHash } from "../derived-key.ts";
import { openAccount } from "../open-account.ts";

/**
 * Takes the same steps, the slow one above all, whether or not the address has an account. That whoever can sign in after
 * registering knows the address was free is another matter: only a letter to the address could hide it.
 */
export function register({
  pool,
  passwords,
  requestKey,
}: Dependencies): IdempotentHandler<RegisterRequest, RegisterResponse> {
  return idempotent(
    pool,
    async (request, call, remember) => {
      const applicant = { email: normalEmail(request.email), displayName: displayName(request.displayName) };
      const passwordHash = await passwords.hash(request.password, call.signal);
      const outcome = await openAccount(pool, { ...applicant, passwordHash }, remember({}));
      crashPoint("auth.after-register");
      return outcome === "answered before" ? undefined : {};
    },
    // What is remembered of a body is a fast hash, from which a password could be guessed.
    { body: (request) => ({ ...request, password: keyedHash(requestKey, request.password) }) },
  );
}
