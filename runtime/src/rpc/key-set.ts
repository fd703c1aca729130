/** Auth's public keys by RPC. */
import { AuthServiceService } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import { runInBackground } from "../call.ts";
import type { FetchKeySet } from "./auth.ts";
import type { GrpcChannel } from "./client.ts";

/** Fetches the key set over a channel to auth. The asking user's token and deadline stay out of it. */
export function keySetFrom(channel: GrpcChannel): FetchKeySet {
  const auth = channel.client(AuthServiceService);
  return async () => {
    const answer = await runInBackground({}, () => auth.getKeySet({}));
    return answer.keys.map((key) => ({ ...key }));
  };
}
