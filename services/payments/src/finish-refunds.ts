/** Sees refunds through whose admin got no answer: a crash or a gateway that was away cut them off. */
import { setTimeout as sleep } from "node:timers/promises";
import { runInBackground } from "@row/runtime/call.ts";
import type { Background } from "@row/runtime/host.ts";
import type { Logger } from "@row/runtime/telemetry/logger.ts";
import { SpanKind, type Telemetry } from "@row/runtime/telemetry/telemetry.ts";
import type { Dependencies } from "./dependencies.ts";
import { movePayment } from "./move-payment.ts";
import { PaymentClosed, REFUND } from "./payment.ts";
import { closeRefund, type DueRefund, markRefused, takeDueRefunds } from "./refund-requests.ts";

const EVERY_MS = 2_000;
/** Made side by side, so that one that hangs does not keep the others waiting; far fewer than the gateway takes. */
const TOGETHER = 8;
/** What one may take at the gateway, its wait for a place there included; less than the wait before the next attempt. */
const ATTEMPT_MS = 4_000;

export function finishRefunds(
  dependencies: Dependencies,
  { log, telemetry, servedBy }: { log: Logger; telemetry: Telemetry; servedBy: string },
): Background {
  const { pool } = dependencies.store;
  const stopping = new AbortController();
  const done = work();

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      await finishDue().catch((error: unknown) => log.warn({ err: error }, "cannot look for unfinished refunds"));
      await sleep(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  async function finishDue(): Promise<void> {
    for (let isMore = true; isMore && !stopping.signal.aborted; ) {
      const due = await takeDueRefunds(pool, TOGETHER);
      await Promise.all(due.map(finish));
      isMore = due.length === TOGETHER;
    }
  }

  async function finish({ payment, correlationId }: DueRefund): Promise<void> {
    const span = telemetry.startSpan("finish refund", SpanKind.INTERNAL, undefined);
    // A stop gives it up: whatever the gateway did by then, the next process asks again and finds it done.
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(ATTEMPT_MS)]);
    const deadline = performance.now() + ATTEMPT_MS;
    try {
      await runInBackground({ producer: servedBy, correlationId, span, deadline, signal }, () =>
        movePayment(dependencies, REFUND, payment.orderId, payment),
      );
      await closeRefund(pool, payment.id);
      log.info({ paymentId: payment.id, correlationId }, "finished a refund that was cut off");
    } catch (error) {
      await report(error, { paymentId: payment.id, correlationId });
    } finally {
      span.end();
    }
  }

  async function report(error: unknown, ids: { paymentId: string; correlationId: string }): Promise<void> {
    if (stopping.signal.aborted) return;
    if (!(error instanceof PaymentClosed)) return log.warn({ err: error, ...ids }, "cannot finish a refund yet");
    // Asked again and again all the same, ever more seldom: somebody may put it right at the gateway.
    const isNews = await markRefused(pool, ids.paymentId).catch(() => false); // next time, then
    if (isNews) log.error({ err: error, ...ids }, "a refund is stuck: the card gateway refuses it");
  }

  return {
    stop: () => {
      stopping.abort();
      return done;
    },
  };
}
