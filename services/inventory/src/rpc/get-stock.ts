import type { GetStockRequest, GetStockResponse } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { DomainError } from "@row/runtime/domain-error.ts";
import type { Dependencies } from "../dependencies.ts";
import { findStock } from "../stock-store.ts";

class StockNotFound extends DomainError {
  constructor(productId: string) {
    super("not-found", "STOCK_NOT_FOUND", `Cannot find the stock of "${productId}": none was ever recorded`, {
      facts: { product_id: productId },
    });
  }
}

export function getStock({ pool }: Dependencies) {
  return async ({ productId }: GetStockRequest): Promise<GetStockResponse> => {
    const stock = await findStock(pool, productId);
    if (!stock) throw new StockNotFound(productId);
    return { stock };
  };
}
