/** Breaks a running shop as planned, and sees that what was taken away comes back. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Shop } from "@row/laptop/shop/shop.ts";
import { inDatabase } from "../invariants/read-databases.ts";
import type { Fault } from "./campaign-plan.ts";

/** Resolves when the fault is over; a killed process is started again by the shop itself. */
export async function inflict(shop: Shop, fault: Fault): Promise<void> {
  switch (fault.kind) {
    case "kill":
      return shop.kill(fault.process);
    case "kill-relay":
      return shop.kill(await relayOf(shop, fault.process));
    case "freeze":
      shop.kill(fault.process, "SIGSTOP");
      await sleep(fault.forMs);
      return shop.kill(fault.process, "SIGCONT");
    case "take-down":
      // Killed, not stopped: what was on its way into it is lost.
      shop.kill(fault.process);
      await shop.halt(fault.process);
      await sleep(fault.forMs);
      return shop.resume(fault.process);
    case "crash":
      return shop.kill(fault.process, "SIGQUIT");
    case "restart":
      return shop.restart(fault.process);
  }
}

/** The instance that holds the advisory lock of a database's outbox: it names itself in what it writes. */
async function relayOf(shop: Shop, service: string): Promise<string> {
  const holder = await inDatabase(shop, "postgres", async (pool) => {
    const { rows } = await pool.query<{ usename: string }>(
      `SELECT usename FROM pg_locks JOIN pg_stat_activity USING (pid) JOIN pg_database ON pg_database.oid = pg_locks.database
       WHERE locktype = 'advisory' AND granted AND pg_database.datname = $1`,
      [service],
    );
    return rows[0]?.usename;
  }).catch(() => undefined); // Postgres may be the one that is away
  return holder ?? service;
}
