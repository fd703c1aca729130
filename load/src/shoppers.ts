/** The people of a load: what they know of the shop, and what each of them asks next. */
import { randomUUID } from "node:crypto";
import { Customer } from "./customer.ts";
import { EdgeClient, KEY_HEADER, type Product } from "./edge-client.ts";
import { encode } from "./http-request.ts";
import type { LoadJob } from "./load-job.ts";
import { type CallName, draw, needsCustomers, shareOf } from "./mixes.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** An order has one to so many products, one piece of each. */
const MOST_ITEMS = 3;
/** Some products are wanted more often than others, by chance. */
const DELIVERED_TOO_MUCH = 1.5;
const DELIVERED_AT_LEAST = 20;
/** Orders of this load that are looked at: the newest. */
const REMEMBERED_ORDERS = 200;
const PAGE_SIZE = 20;

/** A request, as its bytes. */
export interface Wanted {
  readonly kind: CallName;
  readonly request: string;
  /** Hears the body of an answer that says yes. */
  readonly onAnswer?: (body: string) => void;
}

interface KnownOrder {
  readonly id: string;
  readonly customer: Customer;
}

export class Shoppers {
  readonly #job: LoadJob;
  readonly #products: readonly Product[];
  readonly #words: readonly string[];
  readonly #customers: readonly Customer[];
  readonly #headers: Readonly<Record<string, string>>;
  readonly #orders: KnownOrder[] = [];

  private constructor(job: LoadJob, products: readonly Product[], customers: readonly Customer[]) {
    this.#job = job;
    this.#products = products;
    this.#words = [...new Set(products.flatMap(({ name }) => name.match(/[a-z]{4,}/gi) ?? []))];
    this.#customers = customers;
    // A cache would keep a load from what it is to load.
    this.#headers = { accept: "application/json", "cache-control": "no-cache", [KEY_HEADER]: job.key };
  }

  /** Looks around, signs customers in, and has the merchant deliver what they may buy. Throws RowError. */
  static async enter(job: LoadJob): Promise<Shoppers> {
    const edge = new EdgeClient(job);
    const products = await edge.products();
    if (!needsCustomers(job.mix)) return new Shoppers(job, products, []);
    const customers = await Promise.all(job.customers.map((account) => Customer.signIn(edge, account)));
    const { accessToken } = await edge.signIn(job.merchant);
    const pieces = piecesOfEach(job, products.length);
    for (const { id } of products) await edge.deliver(id, pieces, accessToken);
    return new Shoppers(job, products, customers);
  }

  next(random: SeededRandom): Wanted {
    const call = draw(this.#job.mix, random);
    // Drawn whether they are needed or not, so that an order that is not known yet changes nothing of what follows.
    const [product, customer, order, count] = Array.from({ length: 4 }, () => random.next()) as [
      number,
      number,
      number,
      number,
    ]; // as many as were asked for
    switch (call) {
      case "list products":
        return this.#read(call, `/v1/products?pageSize=${PAGE_SIZE}`);
      case "get product":
        return this.#read(call, `/v1/products/${at(this.#products, product).id}`);
      case "search products":
        return this.#read(call, `/v1/products:search?query=${encodeURIComponent(at(this.#words, product))}`);
      case "list categories":
        return this.#read(call, "/v1/categories");
      case "place order":
        return this.#place(at(this.#customers, customer), product, 1 + Math.floor(count * MOST_ITEMS));
      case "get order": {
        if (this.#orders.length === 0) return this.#list(at(this.#customers, customer));
        const { id, customer: owner } = at(this.#orders, order);
        return this.#read(call, `/v1/orders/${id}`, owner);
      }
      case "list orders":
        return this.#list(at(this.#customers, customer));
    }
  }

  #list(customer: Customer): Wanted {
    return this.#read("list orders", `/v1/orders?pageSize=${PAGE_SIZE}`, customer);
  }

  #read(kind: CallName, path: string, customer?: Customer): Wanted {
    return { kind, request: encode({ method: "GET", path, headers: this.#as(customer) }).join("") };
  }

  #place(customer: Customer, from: number, count: number): Wanted {
    const first = Math.floor(from * this.#products.length);
    const chosen = Array.from(
      { length: count },
      (_, item) => this.#products[(first + item * 7) % this.#products.length],
    );
    const items = [...new Set(chosen)].map((product) => ({ productId: product?.id, quantity: 1 }));
    const body = JSON.stringify({ items, paymentToken: "tok_ok", shippingAddress: ADDRESS });
    const headers = { ...this.#as(customer), "content-type": "application/json" };
    const request = encode({ method: "POST", path: "/v1/orders", headers, body, isMutation: true }).join(randomUUID());
    return {
      kind: "place order",
      request,
      onAnswer: (answer) => {
        this.#orders.push({ id: JSON.parse(answer).order.id, customer });
        if (this.#orders.length > REMEMBERED_ORDERS) this.#orders.shift();
      },
    };
  }

  #as(customer: Customer | undefined): Record<string, string> {
    return { ...this.#headers, ...(customer && { authorization: `Bearer ${customer.token}` }) };
  }
}

const ADDRESS = {
  recipient: "Sam Example",
  line1: "1 Canary Row",
  line2: "",
  city: "Hamburg",
  region: "",
  postalCode: "20457",
  countryCode: "DE",
};

/** What the merchant delivers of each product before the orders begin. */
export function piecesOfEach(
  { mix, rate, seconds }: Pick<LoadJob, "mix" | "rate" | "seconds">,
  products: number,
): number {
  const items = rate * seconds * shareOf(mix, "place order") * ((1 + MOST_ITEMS) / 2);
  return Math.ceil((items / products) * DELIVERED_TOO_MUCH) + DELIVERED_AT_LEAST;
}

function at<T>(list: readonly T[], share: number): T {
  const found = list[Math.floor(share * list.length)];
  if (found === undefined) throw new Error("A load needs products, and customers where it orders");
  return found;
}
