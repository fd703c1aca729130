import { createHash } from "node:crypto";
import type { TheShop } from "./the-shop.ts";

/** What is written whatever is asked, or by the clock: refused sign-ins are audited, sagas and consumers go on. */
const MOVES_BY_ITSELF = new Set(["workers", "_prisma_migrations", "signing_key"]);

/** The number of rows of every table of every service, and a digest of what they say. */
export async function dataOf(shop: TheShop): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const service of shop.services) {
    const db = shop.database(service);
    const { rows: tables } = await db.query<{ schema: string; name: string }>(
      "SELECT schemaname AS schema, tablename AS name FROM pg_tables WHERE schemaname IN ('public', 'runtime')",
    );
    for (const { schema, name } of tables) {
      if (MOVES_BY_ITSELF.has(name)) continue;
      const { rows } = await db.query<{ row: string }>(
        `SELECT to_jsonb(t)::text AS row FROM "${schema}"."${name}" t ORDER BY 1`,
      );
      const digest = createHash("sha256").update(JSON.stringify(rows)).digest("hex").slice(0, 12);
      found[`${service}.${schema}.${name}`] = `${rows.length} rows ${digest}`;
    }
  }
  return found;
}

/** Waits until nothing changes any more: outboxes are published, consumers have caught up. */
export async function quietData(shop: TheShop): Promise<Record<string, string>> {
  let before = await dataOf(shop);
  for (let tries = 0; tries < 50; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const now = await dataOf(shop);
    if (JSON.stringify(now) === JSON.stringify(before)) return now;
    before = now;
  }
  throw new Error("The data did not come to rest in 15 s");
}
