/** The one place where a transaction begins and ends. */
import type pg from "pg";
import { transactionEnded } from "./commits.ts";

/** Runs `work` in a transaction on a connection of its own, and undoes it when it throws. */
export async function inTransaction<T>(
  pool: Pick<pg.Pool, "connect">,
  work: (tx: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const tx = await pool.connect();
  let broken: Error | undefined;
  const lost = (error: Error) => {
    broken = error; // the pool must not use this connection again
  };
  // A connection that breaks is an event as well, which would end the process if nobody listened; the pool does so for idle ones.
  tx.on("error", lost);
  try {
    await tx.query("BEGIN");
    const result = await work(tx);
    await tx.query("COMMIT");
    transactionEnded(pool, tx, "committed");
    return result;
  } catch (error) {
    transactionEnded(pool, tx, "rolled back");
    await tx.query("ROLLBACK").catch(lost);
    throw error;
  } finally {
    if (!broken) tx.off("error", lost);
    tx.release(broken);
  }
}
