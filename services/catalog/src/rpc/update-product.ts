import type { UpdateProductRequest, UpdateProductResponse } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { retryOnConflict } from "@row/runtime/retry-on-conflict.ts";
import type { Dependencies } from "../dependencies.ts";
import { applyChange, wantedChanges } from "../product.ts";
import { toMessage } from "../product-message.ts";
import { replaceProduct } from "../product-store.ts";

export function updateProduct({ pool, reader }: Dependencies) {
  return async (request: UpdateProductRequest): Promise<UpdateProductResponse> => {
    const changes = wantedChanges(request, request.updateMask ?? []);
    return retryOnConflict(`change product "${request.id}"`, async () => {
      const before = await reader.get(request.id);
      const after = applyChange(before, changes, new Date());
      const isDone = after === before || (await replaceProduct(pool, "product.updated", before, after));
      return isDone ? { product: toMessage(after) } : undefined;
    });
  };
}
