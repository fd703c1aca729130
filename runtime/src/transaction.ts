import type pg from "pg";

/** Runs `work` in a transaction on a connection of its own, and undoes it when it throws. */
export async function inTransaction<T>(
  pool: Pick<pg.Pool, "connect">,
  work: (tx: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const tx = await pool.connect();
  let broken: Error | undefined;
  try {
    await tx.query("BEGIN");
    const result = await work(tx);
    await tx.query("COMMIT");
    return result;
  } catch (error) {
    await tx.query("ROLLBACK").catch((lost: Error) => {
      broken = lost; // the pool must not use this connection again
    });
    throw error;
  } finally {
    tx.release(broken);
  }
}
