import type { CommitStockRequest, CommitStockResponse } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { closeReservation } from "../close-reservation.ts";
import type { Dependencies } from "../dependencies.ts";
import { COMMIT } from "../reservation.ts";

export function commitStock({ reservations }: Dependencies) {
  return async ({ orderId }: CommitStockRequest): Promise<CommitStockResponse> => {
    await closeReservation(reservations, COMMIT, orderId);
    return {};
  };
}
