import type { ChangePriceRequest, ChangePriceResponse } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { type IdempotentHandler, idempotent } from "@row/runtime/database/idempotency.ts";
import { fromPrice } from "@row/runtime/money.ts";
import { retryOnConflict } from "@row/runtime/retry-on-conflict.ts";
import type { Dependencies } from "../dependencies.ts";
import { applyChange } from "../product.ts";
import { toMessage } from "../product-message.ts";
import { replaceProduct } from "../product-store.ts";

export function changePrice({
  pool,
  reader,
}: Dependencies): IdempotentHandler<ChangePriceRequest, ChangePriceResponse> {
  return idempotent(pool, async ({ id, price }, _call, remember) => {
    const priceMinor = fromPrice(price, "price");
    return retryOnConflict(`change product "${id}"`, async () => {
      const before = await reader.get(id);
      const after = applyChange(before, { priceMinor }, new Date());
      // Saved even when the price is that already: a repeat of this request must not change a later price back.
      const response = { product: toMessage(after) };
      const isSaved = await replaceProduct(pool, "product.price-changed", before, after, remember(response));
      return isSaved ? response : undefined;
    });
  });
}
