import { randomUUIDv7 } from "node:crypto";
import { AuthServiceService } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import { TokenVerifier } from "@row/runtime/rpc/auth.ts";
import { type Caller, startServices } from "@row/tests/harness/service-under-test.ts";
import { decodeJwt, decodeProtectedHeader } from "jose";

/** Auth with stores of its own, and people who use it. */
export async function startAuth(env: Record<string, string> = {}) {
  const services = await startServices({ services: ["auth"], env });
  const anybody = services.client("auth", AuthServiceService);
  const database = services.database("auth");
  return {
    ...{ services, anybody, database },
    demoPassword: services.shop.infrastructure.secrets.demoPassword,

    as: (caller: Caller) => services.client("auth", AuthServiceService, caller),

    /** Signs somebody new up and in. */
    async newUser(password = "correct horse") {
      const email = newEmail();
      await anybody.register({ email, password, displayName: "Somebody", requestId: randomUUIDv7() });
      const session = await anybody.login({ email, password });
      return { email, password, id: userIn(session.accessToken), ...session };
    },

    /** Signs the demo's admin in. */
    async admin() {
      const password = services.shop.infrastructure.secrets.demoPassword;
      const { accessToken } = await anybody.login({ email: "admin@example.com", password });
      return services.client("auth", AuthServiceService, { token: accessToken });
    },

    /** Verifies tokens as any other service does, with nothing cached. */
    verifier: () => new TokenVerifier(async () => (await anybody.getKeySet({})).keys.map((key) => ({ ...key }))),

    /** How many times argon2 has been run for "hash" or "verify". */
    async passwordWork(operation: "hash" | "verify"): Promise<number> {
      const admin = services.shop.process("auth").addresses.admin;
      const metrics = await (await fetch(`http://${admin}/metrics`)).text();
      const line = metrics
        .split("\n")
        .find((l) => /^auth_password_duration_seconds\w*_count/.test(l) && l.includes(`"${operation}"`));
      return Number(line?.split(" ")[1] ?? 0);
    },

    /** The number a query answers. */
    async count(query: string, values: unknown[] = []): Promise<number> {
      const { rows } = await database.query<{ count: string }>(query, values);
      return Number(rows[0]?.count);
    },
  };
}

export type AuthUnderTest = Awaited<ReturnType<typeof startAuth>>;

export const newEmail = () => `${randomUUIDv7()}@example.com`;
export const userIn = (accessToken: string) => String(decodeJwt(accessToken).sub);
export const rolesIn = (accessToken: string) => decodeJwt<{ roles: string[] }>(accessToken).roles;
export const keyOf = (accessToken: string) => String(decodeProtectedHeader(accessToken).kid);
