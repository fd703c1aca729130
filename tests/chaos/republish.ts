/** Puts events into their streams again, as a relay or an operator might: same event, another message. */
import { randomUUIDv7 } from "node:crypto";
import { connect, headers } from "@nats-io/transport-node";
import type { Shop } from "@row/laptop/shop/shop.ts";
import type { SeededRandom } from "@row/load/seeded-random.ts";
import type { StoredMessage } from "../invariants/read-streams.ts";

/** Each message so many times, in any order. */
export function shuffled<T>(messages: readonly T[], times: number, random: SeededRandom): T[] {
  const all = Array.from({ length: times }, () => messages).flat();
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = random.between(0, last);
    [all[last], all[other]] = [all[other] as T, all[last] as T]; // both indexes are within
  }
  return all;
}

/** Publishes the messages in this order, each under a message id that its stream has never seen. */
export async function republish(shop: Shop, messages: readonly StoredMessage[]): Promise<void> {
  const { url, user, password } = shop.infrastructure.nats;
  const connection = await connect({ servers: url, user, pass: password, name: "republish" });
  try {
    for (const message of messages) {
      const copy = headers();
      for (const [name, value] of message.headers) if (!name.startsWith("Nats-")) copy.set(name, value);
      copy.set("Nats-Msg-Id", randomUUIDv7());
      connection.publish(message.subject, message.payload, { headers: copy });
    }
    await connection.flush();
  } finally {
    await connection.close();
  }
}
