import type { ReleaseStockRequest, ReleaseStockResponse } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { closeReservation } from "../close-reservation.ts";
import type { Dependencies } from "../dependencies.ts";
import { RELEASE } from "../reservation.ts";

export function releaseStock({ reservations }: Dependencies) {
  return async ({ orderId }: ReleaseStockRequest): Promise<ReleaseStockResponse> => {
    await closeReservation(reservations, RELEASE, orderId);
    return {};
  };
}
