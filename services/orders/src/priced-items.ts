/** What a customer asks for, at the catalog's prices of now. */
import type { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { DomainError, InvalidField } from "@row/runtime/domain-error.ts";
import { fromPrice } from "@row/runtime/money.ts";
import type { PromiseClient } from "@row/runtime/rpc/client.ts";
import type { OrderItem } from "./order.ts";

/** The catalog has no such product. */
class ProductUnknown extends DomainError {
  constructor(field: string) {
    const description = "no product has this id";
    super("invalid", "PRODUCT_UNKNOWN", `${field}: ${description}`, { violations: [{ field, description }] });
  }
}

/** The items with their names and prices. Throws ProductUnknown, and InvalidField for a product named twice. */
export async function pricedItems(
  catalog: PromiseClient<typeof CatalogServiceService>,
  items: readonly Pick<OrderItem, "productId" | "quantity">[],
): Promise<OrderItem[]> {
  const ids = items.map(({ productId }) => productId);
  const twice = ids.findIndex((id, index) => ids.indexOf(id) !== index);
  if (twice >= 0) throw new InvalidField(`items[${twice}].product_id`, "appears twice; add the quantities up");
  const { products } = await catalog.batchGetProducts({ ids });
  const byId = new Map(products.map((product) => [product.id, product]));
  return items.map(({ productId, quantity }, index) => {
    const product = byId.get(productId);
    if (!product) throw new ProductUnknown(`items[${index}].product_id`);
    return { productId, name: product.name, quantity, unitPriceMinor: fromPrice(product.price, "price") };
  });
}
