import type { ReserveStockRequest, ReserveStockResponse } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import type { Dependencies } from "../dependencies.ts";
import { askedItems, isRepeatOfReserve } from "../reservation.ts";

export function reserveStock({ reservations, relay, origin }: Dependencies) {
  return async ({ orderId, items }: ReserveStockRequest, call: Call): Promise<ReserveStockResponse> => {
    const asked = askedItems(items);
    crashPoint("inventory.before-reserve");
    const outcome = await reservations.reserve(orderId, asked, origin(call));
    crashPoint("inventory.after-reserve");
    if (outcome === "reserved") {
      relay.wake();
      return {};
    }
    if (isRepeatOfReserve(orderId, asked, await reservations.find(orderId)) || outcome === "exists") return {};
    throw outcome;
  };
}
