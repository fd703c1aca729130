import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@row/gen/prisma/tutorial/client.ts";
import { variable } from "../variable.ts";

/** Prisma with as many connections as a service of the shop has. */
export const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: variable("DATABASE_URL"), max: 5 }),
});
