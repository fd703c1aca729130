/** Auth's public keys by RPC. */
import { randomUUIDv7 } from "node:crypto";
import { AuthServiceService } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import { runInCall } from "../call.ts";
import type { FetchKeySet } from "./auth.ts";
import type { GrpcChannel } from "./client.ts";

/** Fetches the key set over a channel to auth. The asking user's token and deadline stay out of it. */
export function keySetFrom(channel: GrpcChannel): FetchKeySet {
  const auth = channel.client(AuthServiceService);
  return async () => {
    const context = {
      deadline: Number.POSITIVE_INFINITY,
      signal: undefined,
      span: undefined,
      authorization: undefined,
    };
    const answer = await runInCall({ ...context, correlationId: randomUUIDv7(), servedBy: [] }, () =>
      auth.getKeySet({}),
    );
    return answer.keys.map((key) => ({ ...key }));
  };
}
