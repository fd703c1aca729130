import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";

const LOOK_EVERY_MS = 10;
const CONFIRMED_WITHIN_MS = 30_000;

/** Says when orders are CONFIRMED: one look at the orders database for all that wait, which costs the shop least. */
export class Confirmations {
  readonly #client: Client;
  readonly #waiting = new Map<string, (state: string) => void>();
  #isClosed = false;
  #looking: Promise<void> | undefined;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async open(databaseUrl: string): Promise<Confirmations> {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    const confirmations = new Confirmations(client);
    confirmations.#looking = confirmations.#look();
    return confirmations;
  }

  /** Resolves with the state that an order has reached after PENDING. */
  whenDecided(orderId: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(orderId);
        reject(new Error("not confirmed in time"));
      }, CONFIRMED_WITHIN_MS);
      this.#waiting.set(orderId, (state) => {
        clearTimeout(late);
        resolve(state);
      });
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#looking;
    await this.#client.end();
  }

  async #look(): Promise<void> {
    while (!this.#isClosed) {
      if (this.#waiting.size > 0) {
        const { rows } = await this.#client.query<{ id: string; state: string }>({
          name: "decided",
          text: "SELECT id, state FROM orders WHERE id = ANY($1::uuid[]) AND state <> 'PENDING'",
          values: [[...this.#waiting.keys()]],
        });
        for (const { id, state } of rows) {
          this.#waiting.get(id)?.(state);
          this.#waiting.delete(id);
        }
      }
      await sleep(LOOK_EVERY_MS);
    }
  }
}
