import type { PrismaClient } from "@row/gen/prisma/catalog/client.ts";
import type { Pool } from "pg";
import type { ProductReader } from "./product-reader.ts";

/** What the handlers stand on. */
export interface Dependencies {
  readonly pool: Pool;
  readonly prisma: PrismaClient;
  readonly reader: ProductReader;
}
