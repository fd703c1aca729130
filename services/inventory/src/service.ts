import type { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import type { Handlers } from "@row/runtime/rpc/handler.ts";
import type { Dependencies } from "./dependencies.ts";
import { COMMIT, RELEASE, RETURN } from "./reservation.ts";
import { adjustStock } from "./rpc/adjust-stock.ts";
import { closeReservation } from "./rpc/close-reservation.ts";
import { getStock } from "./rpc/get-stock.ts";
import { reserveStock } from "./rpc/reserve-stock.ts";

export function inventoryService(dependencies: Dependencies): Handlers<typeof InventoryServiceService> {
  return {
    getStock: getStock(dependencies),
    adjustStock: adjustStock(dependencies),
    reserveStock: reserveStock(dependencies),
    releaseStock: closeReservation(dependencies, RELEASE),
    commitStock: closeReservation(dependencies, COMMIT),
    returnStock: closeReservation(dependencies, RETURN),
  };
}
