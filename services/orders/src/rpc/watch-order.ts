import type { WatchOrderRequest, WatchOrderResponse } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { DomainError, InvalidField } from "@row/runtime/domain-error.ts";
import type { Dependencies } from "../dependencies.ts";
import { evolve, isFinal, type Order } from "../order.ts";
import { toMessage } from "../order-message.ts";
import { visibleOrder } from "../visible-order.ts";

export function watchOrder({ orders, changes }: Pick<Dependencies, "orders" | "changes">) {
  return async function* (request: WatchOrderRequest, call: Call): AsyncGenerator<WatchOrderResponse> {
    const seen = versionOf(request.resumeToken);
    const current = await visibleOrder(orders, call, request.id);
    if (seen !== undefined && seen > current.version) {
      throw new InvalidField("resume_token", "is not from this stream; leave it empty to start over");
    }
    const signal = AbortSignal.any([call.signal, changes.stopping]);
    let order: Order | undefined;
    // Without a token the stream starts with the order as it is; with one it goes on after that version.
    const startAfter = seen ?? current.version - 1n;
    // Before the first look: a change that comes after it is not missed.
    const followed = await changes.follow(current.id, signal);
    try {
      while (!signal.aborted) {
        for (const event of await orders.events(request.id, order?.version ?? 0n)) {
          order = evolve(request.id, order, event);
          if (order.version > startAfter) yield { order: toMessage(order), resumeToken: String(order.version) };
        }
        if (order && isFinal(order)) return;
        await followed.change();
      }
    } finally {
      followed.stop();
    }
    // Not the end of the order: a watcher that took it for that would never come back.
    if (!call.signal.aborted) {
      throw new DomainError(
        "unavailable",
        "STOPPING",
        `Cannot go on watching order "${request.id}" here: resume the stream`,
      );
    }
  };
}

function versionOf(token: string): bigint | undefined {
  if (token === "") return undefined;
  if (!/^[0-9]{1,18}$/.test(token)) {
    throw new InvalidField("resume_token", "is not from this stream; leave it empty to start over");
  }
  return BigInt(token);
}
