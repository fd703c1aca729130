import { randomUUID } from "node:crypto";
import { prisma } from "./database.ts";
import { httpService, serve } from "./http-service.ts";

const app = httpService();

app.post("/payments", async (request, response) => {
  const { customerId, totalMinor, token } = request.body;
  const data = { id: randomUUID(), customerId, totalMinor, token };
  const payment = await prisma.payment.create({ data, select: { id: true } });
  response.status(201).json({ payment });
});

serve(app);
