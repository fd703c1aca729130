/** A customer who signed in once and stays so: the sign-in is renewed beside the load, before it ends. */
import type { EdgeClient } from "./edge-client.ts";
import type { Account } from "./load-job.ts";

/** After this share of its time a token is replaced. */
const RENEWED_AT = 0.6;
const TRIED_AGAIN_MS = 5_000;

export class Customer {
  readonly #edge: EdgeClient;
  readonly #account: Account;
  #token = "";
  #renewAt = 0;

  private constructor(edge: EdgeClient, account: Account) {
    this.#edge = edge;
    this.#account = account;
  }

  static async signIn(edge: EdgeClient, account: Account): Promise<Customer> {
    const customer = new Customer(edge, account);
    await customer.#signIn();
    return customer;
  }

  get token(): string {
    const now = performance.now();
    if (now > this.#renewAt) {
      // One that fails is tried again: until then the old token may still do, and what it does not do is counted.
      this.#renewAt = now + TRIED_AGAIN_MS;
      void this.#signIn().catch(() => {});
    }
    return this.#token;
  }

  async #signIn(): Promise<void> {
    const { accessToken, expireTime } = await this.#edge.signIn(this.#account);
    this.#token = accessToken;
    this.#renewAt = performance.now() + (Date.parse(expireTime) - Date.now()) * RENEWED_AT;
  }
}
