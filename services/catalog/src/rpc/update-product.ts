import type { UpdateProductRequest, UpdateProductResponse } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { callerOf } from "@row/runtime/database/idempotency.ts";
import type { Dependencies } from "../dependencies.ts";
import { applyChange, wantedChanges } from "../product.ts";
import { changeProduct } from "../product-change.ts";
import { toMessage } from "../product-message.ts";
import { saveProduct } from "../product-store.ts";

export function updateProduct({ pool, reader, relay, origin }: Dependencies) {
  return async (request: UpdateProductRequest, call: Call): Promise<UpdateProductResponse> => {
    const changes = wantedChanges(request, request.updateMask ?? []);
    const act = { actor: callerOf(call), action: "product.updated" };
    const product = await changeProduct(reader, request.id, async (before) => {
      const after = applyChange(before, changes, new Date());
      const isDone = after === before || (await saveProduct(pool, before, after, act, origin(call)));
      return isDone ? after : undefined;
    });
    relay.wake();
    return { product: toMessage(product) };
  };
}
