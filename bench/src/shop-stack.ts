import { setTimeout as sleep } from "node:timers/promises";
import { readBacklogs } from "@row/laptop/shop/backlogs.ts";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { removeState } from "@row/laptop/stores/infrastructure.ts";
import { stopLeftovers } from "@row/laptop/supervisor/run-record.ts";
import { demoProducts } from "./demo-products.ts";
import { LOTS } from "./job.ts";
import type { Watched } from "./measure/process-watch.ts";
import { postToEdge } from "./post-to-edge.ts";

const LOOK_EVERY_MS = 100;

/** This shop, on stores and ports of its own. */
export class ShopStack {
  readonly shop: Shop;
  /** From the first process to the last one ready, on a state folder that was empty. */
  readonly readySeconds: number;

  private constructor(shop: Shop, readySeconds: number) {
    this.shop = shop;
    this.readySeconds = readySeconds;
  }

  static async start(
    stateDir: string,
    portBase: number,
    env: Record<string, string>,
    mesh = false,
  ): Promise<ShopStack> {
    await stopLeftovers(stateDir);
    removeState(stateDir);
    const startedAt = performance.now();
    const shop = await startShop({ stateDir, portBase, env, mesh, bundled: true });
    return new ShopStack(shop, (performance.now() - startedAt) / 1_000);
  }

  /** Where the edge serves REST. */
  get port(): number {
    return Number(this.shop.process("edge").addresses.http?.split(":").at(-1));
  }

  /** Everything that runs for the shop, stores included. */
  get processes(): Watched[] {
    return this.shop.processes.map(({ name, pid }) => ({ name, pid: pid ?? 0 }));
  }

  /** The processes that are this project's own. */
  get services(): string[] {
    return this.shop.services.map(({ name }) => name);
  }

  /** Those, and what runs for them: sidecars, toolbox and observer. */
  get own(): string[] {
    const mesh = this.processes.map(({ name }) => name).filter((name) => /^(.*-sidecar|toolbox|observer)$/.test(name));
    return [...this.services, ...mesh];
  }

  adminUrl(database?: string): string {
    return this.shop.infrastructure.adminUrl(database);
  }

  async signIn(user = "alice"): Promise<string> {
    const password = this.shop.infrastructure.secrets.demoPassword;
    const { accessToken } = await postToEdge(this.port, "/v1/auth/login", { email: `${user}@example.com`, password });
    return String(accessToken);
  }

  /** Puts so much in stock that no order is refused. */
  async stockUp(): Promise<void> {
    const token = await this.signIn("merchant");
    for (const { id } of demoProducts()) {
      await postToEdge(this.port, `/v1/products/${id}:adjustStock`, { delta: String(LOTS), reason: "bench" }, token);
    }
  }

  /** Waits until every saga has ended and every event is published; answers how long that took. */
  async drain(withinSeconds: number): Promise<number> {
    const startedAt = performance.now();
    for (;;) {
      const { outbox, sagas } = await readBacklogs(this.shop.infrastructure);
      const seconds = (performance.now() - startedAt) / 1_000;
      const isDrained = sagas?.unfinished === 0 && Object.values(outbox).every((waiting) => waiting === 0);
      if (isDrained) return seconds;
      if (seconds > withinSeconds) throw new Error(`The backlog is not drained after ${withinSeconds} s`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  async stop(): Promise<void> {
    await this.shop.destroy();
  }
}
