import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RpcError } from "@row/runtime/rpc/status.ts";
import type { ServicesUnderTest } from "./service-under-test.ts";

const TRIES = 100;

/** Makes one service die at its crash points, and repeats a call as its caller would. */
export class CrashingService {
  readonly #name: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "row-crash-"));
  readonly #list = join(this.#folder, "points");

  constructor(name: string) {
    this.#name = name;
  }

  /** What the service must be started with. */
  get env(): Record<string, string> {
    return { CRASH_LIST: this.#list };
  }

  /** The service dies at the point during the call; then the call is made again until it is answered. */
  async survives<T>({ shop }: ServicesUnderTest, point: string, call: () => Promise<T>): Promise<T> {
    writeFileSync(this.#list, point);
    await assert.rejects(call(), { name: "RpcError", code: 14 }, `nobody died at ${point}`);
    assert.equal(readFileSync(this.#list, "utf8"), "", `nobody came to ${point}`);
    // Starting it by hand spares the supervisor's growing delay.
    await shop.halt(this.#name);
    await shop.resume(this.#name);
    for (let attempt = 1; ; attempt++) {
      try {
        return await call();
      } catch (error) {
        if ((error as RpcError).code !== 14 || attempt === TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
