import type { PrismaClient } from "@row/gen/prisma/catalog/client.ts";

/** Adds a category, or names it anew. */
export async function saveCategory(prisma: PrismaClient, category: { id: string; name: string }): Promise<void> {
  const { id, name } = category;
  await prisma.category.upsert({ where: { id }, create: { id, name }, update: { name } });
}
