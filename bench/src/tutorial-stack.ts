import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { applyMigrations } from "@row/runtime/database/migrations.ts";
import { SignJWT } from "jose";
import { Client } from "pg";
import { BenchProcess } from "./bench-process.ts";
import { demoProducts } from "./demo-products.ts";
import { LOTS } from "./job.ts";
import { PORTS } from "./ports.ts";

const DATABASE = "tutorial";

/** The stack that REST tutorials build, at its best: keep-alive, production mode, no needless middleware. */
export class TutorialStack {
  readonly port = PORTS.tutorialGateway;
  readonly processes: BenchProcess[];
  readonly #secret: string;

  private constructor(processes: BenchProcess[], secret: string) {
    this.processes = processes;
    this.#secret = secret;
  }

  /** Starts it on a database of its own in the same Postgres that the shop uses. */
  static async start(adminUrl: (database?: string) => string, logs: string): Promise<TutorialStack> {
    const databaseUrl = await makeDatabase(adminUrl);
    const secret = randomBytes(32).toString("base64url");
    const url = (port: number) => `http://127.0.0.1:${port}`;
    const start = (name: string, script: string, port: number, env: Record<string, string>) =>
      BenchProcess.start(`tutorial ${name}`, `tutorial/${script}.ts`, logs, { PORT: String(port), ...env });
    const processes = await Promise.all([
      start("gateway", "gateway", PORTS.tutorialGateway, {
        PRODUCTS_URL: url(PORTS.tutorialProducts),
        ORDERS_URL: url(PORTS.tutorialOrders),
        JWT_SECRET: secret,
      }),
      start("products", "product-service", PORTS.tutorialProducts, { DATABASE_URL: databaseUrl }),
      start("orders", "order-service", PORTS.tutorialOrders, {
        DATABASE_URL: databaseUrl,
        INVENTORY_URL: url(PORTS.tutorialInventory),
        PAYMENTS_URL: url(PORTS.tutorialPayments),
      }),
      start("inventory", "inventory-service", PORTS.tutorialInventory, { DATABASE_URL: databaseUrl }),
      start("payments", "payment-service", PORTS.tutorialPayments, { DATABASE_URL: databaseUrl }),
    ]);
    return new TutorialStack(processes, secret);
  }

  signIn(): Promise<string> {
    const claims = new SignJWT().setProtectedHeader({ alg: "HS256" }).setSubject(randomUUID()).setExpirationTime("1h");
    return claims.sign(new TextEncoder().encode(this.#secret));
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
  }
}

async function makeDatabase(adminUrl: (database?: string) => string): Promise<string> {
  const admin = new Client({ connectionString: adminUrl() });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${DATABASE}`).finally(() => admin.end());
  const url = adminUrl(DATABASE);
  await applyMigrations(url, join(import.meta.dirname, "../prisma"), "public");
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const products = JSON.stringify(demoProducts());
    await client.query(
      `INSERT INTO products (id, sku, name, description, category_id, price_minor)
        SELECT id, sku, name, description, "categoryId", "priceMinor"
        FROM jsonb_to_recordset($1) AS p (id uuid, sku text, name text, description text, "categoryId" text, "priceMinor" int)`,
      [products],
    );
    await client.query(
      "INSERT INTO stock (product_id, price_minor, quantity) SELECT id, price_minor, $1 FROM products",
      [LOTS],
    );
  } finally {
    await client.end();
  }
  return url;
}
