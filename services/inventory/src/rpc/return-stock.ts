import type { ReturnStockRequest, ReturnStockResponse } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { closeReservation } from "../close-reservation.ts";
import type { Dependencies } from "../dependencies.ts";
import { RETURN } from "../reservation.ts";

export function returnStock({ reservations }: Dependencies) {
  return async ({ orderId }: ReturnStockRequest): Promise<ReturnStockResponse> => {
    await closeReservation(reservations, RETURN, orderId);
    return {};
  };
}
