import type { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import type { Handlers } from "@row/runtime/rpc/handler.ts";
import type { Dependencies } from "./dependencies.ts";
import { adjustStock } from "./rpc/adjust-stock.ts";
import { commitStock } from "./rpc/commit-stock.ts";
import { getStock } from "./rpc/get-stock.ts";
import { releaseStock } from "./rpc/release-stock.ts";
import { reserveStock } from "./rpc/reserve-stock.ts";
import { returnStock } from "./rpc/return-stock.ts";

export function inventoryService(dependencies: Dependencies): Handlers<InventoryServiceService> {
  return {
    getStock: getStock(dependencies),
    adjustStock: adjustStock(dependencies),
    reserveStock: reserveStock(dependencies),
    releaseStock: releaseStock(dependencies),
    commitStock: commitStock(dependencies),
    returnStock: returnStock(dependencies),
  };
}
