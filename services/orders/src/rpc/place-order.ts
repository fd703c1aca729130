import { randomUUIDv7 } from "node:crypto";
import { PlaceOrderRequest, PlaceOrderResponse } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import { onceTogether } from "@row/runtime/database/idempotency.ts";
import { DomainError, InvalidField } from "@row/runtime/domain-error.ts";
import { fromMoney, fromPrice, MAX_MINOR } from "@row/runtime/money.ts";
import { signedIn } from "../access.ts";
import { changeOf } from "../change.ts";
import type { Dependencies } from "../dependencies.ts";
import { type OrderItem, totalOf } from "../order.ts";
import { toMessage } from "../order-message.ts";
import { PLACE_ORDER } from "../saga/definitions.ts";
import { newSaga } from "../saga/saga-record.ts";

/** The customer expected another total. */
class PriceChanged extends DomainError {
  constructor(expectedMinor: bigint, totalMinor: bigint) {
    super(
      "refused",
      "PRICE_CHANGED",
      `Cannot place the order: it costs ${cents(totalMinor)}, not ${cents(expectedMinor)}`,
      {
        facts: { total_minor: String(totalMinor) },
      },
    );
  }
}

const TYPES = { request: PlaceOrderRequest, response: PlaceOrderResponse };

export function placeOrder(dependencies: Dependencies) {
  const { store, runner, relay, changes, worker, sagaTimeoutMs, origin } = dependencies;
  return (request: PlaceOrderRequest, call: Call): Promise<PlaceOrderResponse> =>
    onceTogether(store.pool, call, TYPES, request, async (remember) => {
      const items = await price(dependencies, request);
      if (request.expectedTotal) {
        const expected = fromMoney(request.expectedTotal, "expected_total");
        if (expected !== totalOf(items)) throw new PriceChanged(expected, totalOf(items));
      }
      if (totalOf(items) > MAX_MINOR) throw new InvalidField("items", `cost more than ${cents(MAX_MINOR)} together`);
      const address = request.shippingAddress;
      if (!address) throw new InvalidField("shipping_address", "value is required");

      const id = randomUUIDv7();
      const placed = changeOf(id, undefined, [
        {
          type: "order-placed",
          customerId: signedIn(call).id,
          items,
          addressId: randomUUIDv7(),
          countryCode: address.countryCode,
        },
      ]);
      const from = origin(call);
      const slot = runner.takeSlot();
      try {
        const isOurs = slot !== undefined;
        const beginning = {
          orderId: id,
          definition: PLACE_ORDER,
          data: { paymentToken: request.paymentToken },
          serviceVersion: worker.version,
          correlationId: call.correlationId,
          traceparent: from.traceparent ?? "",
          deadline: new Date(Date.now() + sagaTimeoutMs),
        };
        const record = newSaga(beginning, isOurs);
        const response = { order: toMessage(placed.order) };
        crashPoint("orders.before-place");
        const isNew = await store.place(placed, address, { record, isOurs }, remember(response), from);
        crashPoint("orders.after-place");
        if (!isNew) return undefined;
        relay.wake();
        changes.announce(id);
        slot?.drive(record, placed.order);
        return response;
      } finally {
        slot?.giveBack();
      }
    });
}

/** The catalog has no such product. */
class ProductUnknown extends DomainError {
  constructor(field: string) {
    const description = "no product has this id";
    super("invalid", "PRODUCT_UNKNOWN", `${field}: ${description}`, { violations: [{ field, description }] });
  }
}

/** The items at the catalog's prices of now. */
async function price({ catalog }: Dependencies, request: PlaceOrderRequest): Promise<OrderItem[]> {
  const ids = request.items.map((item) => item.productId);
  const twice = ids.findIndex((id, index) => ids.indexOf(id) !== index);
  if (twice >= 0) throw new InvalidField(`items[${twice}].product_id`, "appears twice; add the quantities up");
  const { products } = await catalog.batchGetProducts({ ids });
  const byId = new Map(products.map((product) => [product.id, product]));
  return request.items.map((item, index) => {
    const product = byId.get(item.productId);
    if (!product) throw new ProductUnknown(`items[${index}].product_id`);
    return {
      productId: product.id,
      name: product.name,
      quantity: item.quantity,
      unitPriceMinor: fromPrice(product.price, "price"),
    };
  });
}

function cents(minor: bigint): string {
  return `${minor / 100n}.${String(minor % 100n).padStart(2, "0")} EUR`;
}
