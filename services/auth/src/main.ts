import { randomUUIDv7 } from "node:crypto";
import { AuthServiceService } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import { runService } from "@row/runtime/run-service.ts";
import { variables } from "./config.ts";
import { derivedKey } from "./derived-key.ts";
import { Passwords } from "./passwords.ts";
import { authService } from "./service.ts";
import { SigningKeys } from "./signing-keys.ts";
import { startUpkeep } from "./upkeep.ts";

/** A hash takes a tenth of a second, and longer where many wait for their turn. */
const BUCKETS_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

await runService({
  name: "auth",
  variables,
  async start(host) {
    const { keySecret, keyRotationHours, passwordsAtOnce } = host.config;
    const duration = host.telemetry.meter.createHistogram("auth.password.duration", {
      description: "Time to hash or verify a password, the wait for a turn included",
      unit: "s",
      advice: { explicitBucketBoundaries: BUCKETS_SECONDS },
    });
    const passwords = await Passwords.create(passwordsAtOnce, (operation, s) => duration.record(s, { operation }));
    const pool = await host.database();
    const keys = await SigningKeys.open(pool, {
      sealingKey: derivedKey(keySecret, "signing-keys"),
      rotationHours: keyRotationHours,
      correlationId: randomUUIDv7(),
    });
    const relay = await host.relay(pool);
    host.background(startUpkeep(pool, keys, host.log));
    host.verifyTokensWith(async () => keys.published);
    const requestKey = derivedKey(keySecret, "request-bodies");
    const addressKey = derivedKey(keySecret, "addresses");
    const auth = { pool, relay, passwords, keys, requestKey, addressKey, origin: host.origin.bind(host) };
    host.serve(AuthServiceService, authService(auth));
  },
});
