import type { GetKeySetResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Dependencies } from "../dependencies.ts";

export function getKeySet({ keys }: Dependencies) {
  return async (): Promise<GetKeySetResponse> => ({
    keys: keys.published.map(({ kty = "", crv = "", x = "", y = "", kid = "", alg = "", use = "" }) => {
      return { kty, crv, x, y, kid, alg, use };
    }),
  });
}
