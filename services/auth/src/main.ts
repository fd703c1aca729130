import { randomUUIDv7 } from "node:crypto";
import { AuthServiceService } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import { runService } from "@row/runtime/run-service.ts";
import { variables } from "./config.ts";
import { derivedKey } from "./derived-key.ts";
import { passwordDuration } from "./metrics.ts";
import { Passwords } from "./passwords.ts";
import { authService } from "./service.ts";
import { SigningKeys } from "./signing-keys.ts";
import { startUpkeep } from "./upkeep.ts";

await runService({
  name: "auth",
  variables,
  async start(host) {
    const { keySecret, keyRotationHours, passwordsAtOnce } = host.config;
    const passwords = await Passwords.create(passwordsAtOnce, passwordDuration(host.telemetry));
    const pool = await host.database();
    const keys = await SigningKeys.open(pool, {
      sealingKey: derivedKey(keySecret, "signing-keys"),
      rotationHours: keyRotationHours,
      correlationId: randomUUIDv7(),
    });
    await host.relay(pool);
    host.background(startUpkeep(pool, keys, host.log));
    host.verifyTokensWith(async () => keys.published);
    const requestKey = derivedKey(keySecret, "request-bodies");
    const addressKey = derivedKey(keySecret, "addresses");
    host.serve(AuthServiceService, authService({ pool, passwords, keys, requestKey, addressKey }));
  },
});
