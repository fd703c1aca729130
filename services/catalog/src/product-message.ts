import type { Product as ProductMessage } from "@row/gen/grpc/shop/catalog/v1/product.ts";
import { toMoney } from "@row/runtime/money.ts";
import type { Product } from "./product.ts";

/** Product → shop.catalog.v1.Product. */
export function toMessage(product: Product): ProductMessage {
  const { id, sku, name, description, categoryId, priceMinor, available, version, createTime, updateTime } = product;
  const price = toMoney(priceMinor);
  return { id, sku, name, description, categoryId, price, available, version, createTime, updateTime };
}
