/** Sees refunds through whose admin got no answer: a crash or a gateway that was away cut them off. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Background } from "@row/runtime/host.ts";
import type { Logger } from "@row/runtime/logger.ts";
import { SpanKind, type Telemetry } from "@row/runtime/telemetry.ts";
import type { Dependencies } from "./dependencies.ts";
import { REFUND } from "./payment.ts";
import { movePayment } from "./rpc/move-payment.ts";

const EVERY_MS = 2_000;
/** Longer than the call that asked for it can still be at work. */
const UNFINISHED_AFTER_MS = 4_000;

export function finishRefunds(
  dependencies: Dependencies,
  { log, telemetry }: { log: Logger; telemetry: Telemetry },
): Background {
  const stopping = new AbortController();
  const done = work();

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      await finishAll().catch((error: unknown) => log.warn({ err: error }, "cannot look for unfinished refunds"));
      await sleep(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  async function finishAll(): Promise<void> {
    for (const { payment, correlationId } of await dependencies.store.unfinishedRefunds(UNFINISHED_AFTER_MS)) {
      if (stopping.signal.aborted) return;
      const span = telemetry.startSpan("finish refund", SpanKind.INTERNAL, undefined);
      try {
        await movePayment(dependencies, { correlationId, span }, REFUND, payment.orderId, payment);
        log.info({ paymentId: payment.id, correlationId }, "finished a refund that was cut off");
      } catch (error) {
        log.warn({ err: error, paymentId: payment.id, correlationId }, "cannot finish a refund yet");
      } finally {
        span.end();
      }
    }
  }

  return {
    stop: () => {
      stopping.abort();
      return done;
    },
  };
}
