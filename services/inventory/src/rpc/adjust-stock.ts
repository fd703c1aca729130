import { AdjustStockRequest, AdjustStockResponse } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { callerOf, once } from "@row/runtime/database/idempotency.ts";
import type { Dependencies } from "../dependencies.ts";
import { changeStock } from "../stock-store.ts";

export function adjustStock({ pool, relay, origin }: Dependencies) {
  return (request: AdjustStockRequest, call: Call): Promise<AdjustStockResponse> =>
    once(pool, call, { request: AdjustStockRequest, response: AdjustStockResponse }, request, async (remember) => {
      const { productId, delta, reason } = request;
      const change = { productId, delta, reason, actor: callerOf(call) };
      const stock = await changeStock(pool, change, origin(call), (stock) => remember({ stock }));
      relay.wake();
      return { stock };
    });
}
