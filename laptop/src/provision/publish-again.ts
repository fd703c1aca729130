/** Has an outbox publish again what it still holds, for a stream that was lost. */
import { Client } from "pg";

/** Each in one go, so that no writer waits for long. */
const AT_ONCE = 2_000;
const NOBODY = "00000000-0000-0000-0000-000000000000";

/**
 * Marks every event of a domain that the outbox still has as not published. Whoever has had one knows it by its id; who had not
 * had it yet gets it.
 */
export async function publishAgain(url: string, domain: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 30_000 });
  client.on("error", () => {}); // the query in hand fails
  await client.connect();
  try {
    const { rows } = await client.query("select to_regclass('runtime.outbox') is not null as is_there");
    if (!rows[0]?.is_there) return;
    let last = NOBODY;
    for (;;) {
      const marked = await client.query<{ id: string }>(
        `with next as (select id from runtime.outbox where id > $1 and published_time is not null and starts_with(subject, $2)
           order by id limit ${AT_ONCE})
         update runtime.outbox set published_time = null from next where outbox.id = next.id returning outbox.id`,
        [last, `shop.${domain}.`],
      );
      if (marked.rows.length < AT_ONCE) return;
      last = marked.rows.reduce((most, { id }) => (id > most ? id : most), last);
    }
  } finally {
    await client.end();
  }
}
