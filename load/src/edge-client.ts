/** What a load asks the edge before it begins, and for its own upkeep: none of it is counted. */
import { randomUUID } from "node:crypto";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import type { Account, LoadJob } from "./load-job.ts";

const WITHIN_MS = 15_000;
/** Carries the installation's key. */
export const KEY_HEADER = "x-load-key";

interface Asking {
  readonly token?: string;
  readonly body?: object;
}

export interface SignedIn {
  readonly accessToken: string;
  readonly expireTime: string;
}

export interface Product {
  readonly id: string;
  readonly name: string;
}

export class EdgeClient {
  readonly #job: Pick<LoadJob, "edge" | "key">;

  constructor(job: Pick<LoadJob, "edge" | "key">) {
    this.#job = job;
  }

  async signIn({ email, password }: Account): Promise<SignedIn> {
    return (await this.#ask("POST", "/v1/auth/login", { body: { email, password } })) as SignedIn;
  }

  /** At most 1,000 of them. */
  async products(): Promise<Product[]> {
    const products: Product[] = [];
    for (let pageToken = ""; products.length < 1_000; ) {
      const query = new URLSearchParams({ pageSize: "100", ...(pageToken && { pageToken }) });
      const page = (await this.#ask("GET", `/v1/products?${query}`, {})) as ProductPage;
      products.push(...(page.products ?? []));
      if (!page.nextPageToken) break;
      pageToken = page.nextPageToken;
    }
    if (products.length === 0) throw new RowError("Cannot load the shop: it has no products");
    return products;
  }

  /** Puts so many more of a product in stock. */
  async deliver(productId: string, pieces: number, token: string): Promise<void> {
    const body = { delta: String(pieces), reason: "delivery for a load" };
    await this.#ask("POST", `/v1/products/${productId}:adjustStock`, { token, body });
  }

  // What the edge answers is what its contract says: whoever calls names the shape.
  async #ask(method: string, path: string, { token, body }: Asking): Promise<unknown> {
    const headers: Record<string, string> = { "cache-control": "no-cache", [KEY_HEADER]: this.#job.key };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (body !== undefined)
      Object.assign(headers, { "content-type": "application/json", "idempotency-key": randomUUID() });
    const asked = `${method} ${path}`;
    try {
      const signal = AbortSignal.timeout(WITHIN_MS);
      const response = await fetch(`http://${this.#job.edge}${path}`, {
        method,
        headers,
        signal,
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok)
        throw new RowError(`Cannot load the shop: ${asked} is answered ${response.status} ${text.slice(0, 300)}`);
      return JSON.parse(text);
    } catch (error) {
      if (error instanceof RowError) throw error;
      const cause = error instanceof Error && error.cause ? `: ${messageOf(error.cause)}` : "";
      throw new RowError(`Cannot load the shop: ${asked} at ${this.#job.edge}: ${messageOf(error)}${cause}`);
    }
  }
}

interface ProductPage {
  readonly products?: Product[];
  readonly nextPageToken?: string;
}
