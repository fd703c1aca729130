/** Reads payments' tables as the superuser, past the service's own code. */
import type { Shop } from "@row/laptop/shop/shop.ts";
import type { Evidence } from "./evidence.ts";
import { inDatabase } from "./read-databases.ts";

export function readPayments(shop: Shop) {
  return inDatabase(shop, "payments", async (pool) => {
    const payments = await pool.query("SELECT * FROM payments");
    const ledger = await pool.query("SELECT * FROM ledger_entries");
    return {
      payments: payments.rows.map((row) => ({
        id: row.id,
        orderId: row.order_id,
        state: row.state,
        amountMinor: BigInt(row.amount_minor),
      })),
      ledger: ledger.rows.map((row) => ({
        transactionId: row.transaction_id,
        paymentId: row.payment_id,
        account: row.account,
        amountMinor: BigInt(row.amount_minor),
      })),
    } satisfies Partial<Evidence>;
  });
}
