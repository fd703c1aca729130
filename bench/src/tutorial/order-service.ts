import { randomUUID } from "node:crypto";
import { variable } from "../variable.ts";
import { caller } from "./caller.ts";
import { prisma } from "./database.ts";
import { httpService, serve } from "./http-service.ts";

interface Item {
  productId: string;
  quantity: number;
}

interface Priced {
  productId: string;
  priceMinor: number;
}

const inventory = caller(variable("INVENTORY_URL"));
const payments = caller(variable("PAYMENTS_URL"));
const app = httpService();

app.post("/orders", async (request, response) => {
  const { customerId, items, paymentToken, shippingAddress } = request.body;
  const { data: reserved } = await inventory.post("/reservations", { items });
  const prices = new Map<string, number>(reserved.items.map((item: Priced) => [item.productId, item.priceMinor]));
  const lines = items.map(({ productId, quantity }: Item) => {
    return { productId, quantity, unitPriceMinor: prices.get(productId) ?? 0 };
  });
  const totalMinor = lines.reduce(
    (sum: number, line: (typeof lines)[0]) => sum + line.quantity * line.unitPriceMinor,
    0,
  );
  const { data: paid } = await payments.post("/payments", { customerId, totalMinor, token: paymentToken });
  const order = { id: randomUUID(), customerId, state: "CONFIRMED", totalMinor, paymentId: paid.payment.id };
  await prisma.order.create({
    data: { ...order, shippingAddress, items: { createMany: { data: lines } } },
    select: { id: true },
  });
  response.status(201).json({ order: { ...order, items: lines } });
});

serve(app);
