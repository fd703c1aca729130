import { prisma } from "./database.ts";
import { httpService, serve } from "./http-service.ts";

const app = httpService();

app.get("/products/:id", async (request, response) => {
  const product = await prisma.product.findUnique({ where: { id: request.params.id } });
  if (!product) {
    response.status(404).json({ error: "No such product" });
    return;
  }
  response.json({ product });
});

serve(app);
