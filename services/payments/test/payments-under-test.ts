import { randomUUIDv7 } from "node:crypto";
import { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import { toMoney } from "@row/runtime/money.ts";
import type { RpcError } from "@row/runtime/rpc/status.ts";
import { startServices } from "@row/tests/harness/service-under-test.ts";

/** What the card gateway holds about an order. */
export interface Charge {
  status?: string;
  amountMinor?: string;
}

/** payments with its stores and the card gateway, and what tests ask of them over and over. */
export async function startPayments(env: Record<string, string> = {}) {
  const services = await startServices({
    services: ["payments", "card-gateway"],
    envOf: { payments: env },
  });
  const db = services.database("payments");
  const orders = services.client("payments", PaymentServiceService, { service: "orders" });
  const gatewayUrl = `http://${services.shop.process("card-gateway").address}`;
  return {
    services,
    db,
    orders,
    gatewayUrl,
    async user(roles: string[], id: string = randomUUIDv7()) {
      const token = await services.auth.tokenFor({ id, roles });
      return services.client("payments", PaymentServiceService, { service: "edge", token });
    },
    async payment(orderId: string) {
      const { rows } = await db.query(
        "SELECT id, state, amount_minor::int AS amount, version::int, decline_reason FROM payments WHERE order_id = $1",
        [orderId],
      );
      return rows[0] as
        | { id: string; state: string; amount: number; version: number; decline_reason: string }
        | undefined;
    },
    async charge(orderId: string): Promise<Charge> {
      const response = await fetch(`${gatewayUrl}/v1/authorizations/${orderId}`);
      return (await response.json()) as Charge;
    },
    /** What the gateway did for an order, in turn: acts that changed something. */
    async done(orderId: string): Promise<string[]> {
      const log = await (await fetch(`${gatewayUrl}/v1/log`)).text();
      return log
        .split("\n")
        .filter((line) => line.includes(orderId))
        .map((line) => JSON.parse(line) as { outcome: string; action: string })
        .filter((entry) => entry.outcome === "applied")
        .map((entry) => entry.action);
    },
    /** The balance of each account over one order's postings. */
    async balances(orderId: string): Promise<Record<string, number>> {
      const { rows } = await db.query<{ account: string; balance: number }>(
        `SELECT account, sum(e.amount_minor)::int AS balance FROM ledger_entries e JOIN payments p ON p.id = payment_id
        WHERE order_id = $1 GROUP BY account`,
        [orderId],
      );
      return Object.fromEntries(rows.map(({ account, balance }) => [account, balance]));
    },
    /** The events written about an order's payment. */
    async events(orderId: string): Promise<string[]> {
      const { rows } = await db.query<{ told: string }>(
        `SELECT split_part(subject, '.', 4) || ' ' || sequence AS told FROM runtime.outbox
        WHERE payload ->> 'orderId' = $1 ORDER BY sequence`,
        [orderId],
      );
      return rows.map(({ told }) => told);
    },
    async audits(target: string): Promise<{ actor: string; action: string; details: Record<string, unknown> }[]> {
      const { rows } = await db.query(
        "SELECT actor, action, details FROM runtime.audit WHERE target = $1 ORDER BY time",
        [target],
      );
      return rows;
    },
  };
}

export type PaymentsUnderTest = Awaited<ReturnType<typeof startPayments>>;

export function authorization(orderId: string, paymentToken = "tok_ok", amountMinor = 1_250n) {
  return { orderId, customerId: randomUUIDv7(), amount: toMoney(amountMinor), paymentToken };
}

/** "OK", or why not. */
export function answerOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "OK",
    (error: RpcError) => error.reason || error.message,
  );
}
