import type { RequestHandler } from "express";
import { jwtVerify } from "jose";
import { variable } from "../variable.ts";
import { caller } from "./caller.ts";
import { httpService, serve } from "./http-service.ts";

const products = caller(variable("PRODUCTS_URL"));
const orders = caller(variable("ORDERS_URL"));
const secret = new TextEncoder().encode(variable("JWT_SECRET"));
const app = httpService();

const signedIn: RequestHandler = async (request, response, next) => {
  const token = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
  try {
    const { payload } = await jwtVerify(token, secret, { algorithms: ["HS256"] });
    response.locals.customerId = payload.sub;
  } catch {
    response.status(401).json({ error: "Sign in first" });
    return;
  }
  next();
};

app.get("/v1/products/:id", async (request, response) => {
  const { data } = await products.get(`/products/${request.params.id}`);
  response.json(data);
});

app.post("/v1/orders", signedIn, async (request, response) => {
  const { customerId } = response.locals;
  const { data } = await orders.post("/orders", { ...request.body, customerId });
  response.status(201).json(data);
});

serve(app);
