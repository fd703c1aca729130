import { ChangePriceRequest, ChangePriceResponse } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { callerOf, once } from "@row/runtime/database/idempotency.ts";
import { fromPrice } from "@row/runtime/money.ts";
import type { Dependencies } from "../dependencies.ts";
import { applyChange } from "../product.ts";
import { changeProduct } from "../product-change.ts";
import { toMessage } from "../product-message.ts";
import { saveProduct } from "../product-store.ts";

export function changePrice({ pool, reader, relay, origin }: Dependencies) {
  return (request: ChangePriceRequest, call: Call): Promise<ChangePriceResponse> => {
    const priceMinor = fromPrice(request.price, "price");
    const act = { actor: callerOf(call), action: "product.price-changed" };
    const types = { request: ChangePriceRequest, response: ChangePriceResponse };
    return once(pool, call, types, request, async (remember) => {
      const product = await changeProduct(reader, request.id, async (before) => {
        const after = applyChange(before, { priceMinor }, new Date());
        // Saved even when the price is that already: a repeat of this request must not change a later price back.
        const remembered = remember({ product: toMessage(after) });
        return (await saveProduct(pool, before, after, act, origin(call), remembered)) ? after : undefined;
      });
      relay.wake();
      return { product: toMessage(product) };
    });
  };
}
