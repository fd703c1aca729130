/** Calls of every kind that the load is made of: retried ones and others, of each service, through the edge and the toolbox. */
import { randomUUIDv7 } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { AuthServiceService } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { OrderServiceService } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import { RpcError } from "@row/runtime/rpc/status.ts";
import { ADDRESS, orderOf } from "../../harness/ordering.ts";
import { type Answer, Rest } from "../../harness/rest.ts";
import type { LoadJob } from "./load-job.ts";
import { Toolbox } from "./toolbox.ts";

/** One kind of call. */
export interface CallKind {
  readonly method: string;
  readonly through: "edge" | "toolbox";
  /** How many of all calls are of this kind, against the other kinds. */
  readonly share: number;
  /** Rejects with RpcError or FailedRequest. Answers the id of an order it placed. */
  make(productId: string): Promise<string | undefined>;
}

/** What the edge answered instead of what was asked for. */
export class FailedRequest extends Error {
  readonly status: string;

  constructor({ status: http, body }: Answer) {
    super(`HTTP ${http} ${body?.message ?? ""}`);
    this.status = status[body?.code] ?? `HTTP ${http}`;
  }
}

/** How a call failed, by its grpc-status. */
export function statusOf(error: unknown): string {
  if (error instanceof RpcError) return status[error.code];
  return error instanceof FailedRequest ? error.status : "no answer";
}

export function callKinds(job: LoadJob): { kinds: CallKind[]; close(): void } {
  const { customerToken, merchantToken, orderId, paymentId } = job;
  const toolbox = new Toolbox(job.toolbox, job.serviceConfig);
  const rest = new Rest(job.edge);
  const token = customerToken;
  const requestId = () => randomUUIDv7();
  const price = { currencyCode: "EUR", units: 5n, nanos: 0 };

  const byEdge = (method: string, share: number, ask: (productId: string) => Promise<Answer>): CallKind => ({
    method,
    through: "edge",
    share,
    make: async (productId) => {
      const answer = await ask(productId);
      if (answer.status > 299) throw new FailedRequest(answer);
      return method === PLACE_ORDER ? answer.body.order.id : undefined;
    },
  });
  const byToolbox = (method: string, share: number, ask: (productId: string) => Promise<unknown>): CallKind => ({
    method,
    through: "toolbox",
    share,
    make: async (productId) => {
      await ask(productId);
      return undefined;
    },
  });
  const kinds: CallKind[] = [
    byEdge("/shop.catalog.v1.CatalogService/GetProduct", 16, (id) => rest.get(`/v1/products/${id}`)),
    byEdge("/shop.catalog.v1.CatalogService/ListProducts", 8, () => rest.get("/v1/products?pageSize=5")),
    byEdge("/shop.orders.v1.OrderService/GetOrder", 8, () => rest.get(`/v1/orders/${orderId}`, { token })),
    byEdge(PLACE_ORDER, 6, (productId) => rest.post("/v1/orders", orderOf({ productId }), { token })),
    byToolbox("/shop.catalog.v1.CatalogService/GetProduct", 14, (id) =>
      toolbox.call(CatalogServiceService.getProduct, { id }),
    ),
    byToolbox("/shop.catalog.v1.CatalogService/ListCategories", 6, () =>
      toolbox.call(CatalogServiceService.listCategories, {}),
    ),
    byToolbox("/shop.catalog.v1.CatalogService/ChangePrice", 6, (id) =>
      toolbox.call(CatalogServiceService.changePrice, { id, price, requestId: requestId() }, merchantToken),
    ),
    byToolbox("/shop.auth.v1.AuthService/GetKeySet", 6, () => toolbox.call(AuthServiceService.getKeySet, {})),
    byToolbox("/shop.auth.v1.AuthService/Register", 1, () =>
      toolbox.call(AuthServiceService.register, {
        email: `${requestId()}@example.com`,
        password: "correct horse battery",
        displayName: "Somebody",
        requestId: requestId(),
      }),
    ),
    byToolbox("/shop.inventory.v1.InventoryService/GetStock", 8, (productId) =>
      toolbox.call(InventoryServiceService.getStock, { productId }, merchantToken),
    ),
    byToolbox("/shop.inventory.v1.InventoryService/AdjustStock", 6, (productId) =>
      toolbox.call(
        InventoryServiceService.adjustStock,
        { productId, delta: 2n, reason: "a load", requestId: requestId() },
        merchantToken,
      ),
    ),
    byToolbox("/shop.orders.v1.OrderService/GetOrder", 6, () =>
      toolbox.call(OrderServiceService.getOrder, { id: orderId }, token),
    ),
    byToolbox("/shop.payments.v1.PaymentService/GetPayment", 6, () =>
      toolbox.call(PaymentServiceService.getPayment, { id: paymentId }, token),
    ),
    {
      method: PLACE_ORDER,
      through: "toolbox",
      share: 4,
      make: async (productId) => {
        const items = [{ productId, quantity: 1 }];
        const wish = { items, paymentToken: "tok_ok", shippingAddress: ADDRESS, expectedTotal: undefined };
        const request = { ...wish, requestId: requestId() };
        return (await toolbox.call(OrderServiceService.placeOrder, request, token)).order?.id;
      },
    },
  ];
  return { kinds, close: () => toolbox.close() };
}

const PLACE_ORDER = "/shop.orders.v1.OrderService/PlaceOrder";
