import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@row/gen/prisma/catalog/client.ts";
import type { Pool } from "pg";

/** The ordinary queries; they share the pool of the hot ones. */
export function catalogDatabase(pool: Pool): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(pool) });
}
