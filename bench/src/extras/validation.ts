import { GetProductRequest } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { methodAt } from "@row/runtime/contract.ts";
import { validateBytes } from "@row/runtime/rpc/validate.ts";
import { demoProducts } from "../demo-products.ts";

const TIMES = 50_000;

/** What it takes to read one message and check it against the rules of its contract. */
export function validationMicroseconds(): number {
  const { input } = methodAt("/shop.catalog.v1.CatalogService/GetProduct").descriptor;
  const messages = demoProducts().map(({ id }) => GetProductRequest.encode({ id }).finish());
  let microseconds = 0;
  // The first pass makes it warm.
  for (let pass = 0; pass < 2; pass += 1) {
    const startedAt = performance.now();
    for (let time = 0; time < TIMES; time += 1)
      validateBytes(input, messages[time % messages.length] ?? Buffer.alloc(0));
    microseconds = ((performance.now() - startedAt) / TIMES) * 1_000;
  }
  return microseconds;
}
