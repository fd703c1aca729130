import type { GetKeySetResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Auth } from "../auth.ts";

export async function getKeySet(auth: Auth): Promise<GetKeySetResponse> {
  const keys = auth.keys.published.map(({ kty = "", crv = "", x = "", y = "", kid = "", alg = "", use = "" }) => {
    return { kty, crv, x, y, kid, alg, use };
  });
  return { keys };
}
