/** What auth measures of its own. */
import type { Telemetry } from "@row/runtime/telemetry/telemetry.ts";

/** A hash takes a tenth of a second, and longer where many wait for their turn. */
const BUCKETS_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Shows how long passwords take, which is what bounds sign-ins. */
export function passwordDuration({ meter }: Pick<Telemetry, "meter">): (operation: string, seconds: number) => void {
  const duration = meter.createHistogram("auth.password.duration", {
    description: "Time to hash or verify a password, the wait for a turn included",
    unit: "s",
    advice: { explicitBucketBoundaries: BUCKETS_SECONDS },
  });
  return (operation, seconds) => duration.record(seconds, { operation });
}
