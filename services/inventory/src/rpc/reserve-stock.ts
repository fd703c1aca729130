import type { ReserveStockRequest, ReserveStockResponse } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import type { Dependencies } from "../dependencies.ts";
import { askedItems, isRepeatOfReserve } from "../reservation.ts";

export function reserveStock({ reservations }: Dependencies) {
  return async ({ orderId, items }: ReserveStockRequest): Promise<ReserveStockResponse> => {
    const asked = askedItems(items);
    crashPoint("inventory.before-reserve");
    const outcome = await reservations.reserve(orderId, asked);
    crashPoint("inventory.after-reserve");
    if (outcome === "reserved") return {};
    if (isRepeatOfReserve(orderId, asked, await reservations.find(orderId)) || outcome === "exists") return {};
    throw outcome;
  };
}
