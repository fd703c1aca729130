import type { AdjustStockRequest, AdjustStockResponse } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { type IdempotentHandler, idempotent } from "@row/runtime/database/idempotency.ts";
import type { Dependencies } from "../dependencies.ts";
import { adjustStock as adjust } from "../stock-store.ts";

export function adjustStock({ pool }: Dependencies): IdempotentHandler<AdjustStockRequest, AdjustStockResponse> {
  return idempotent(pool, async (request, _call, remember) => {
    const stock = await adjust(pool, request, (stock) => remember({ stock }));
    return stock && { stock };
  });
}
