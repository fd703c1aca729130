/** Calls the catalog of a shop, once or all the while that something is done to it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { callMethod, findMethod } from "@row/cli/dynamic-client.ts";
import { loadContracts } from "@row/topology/contracts.ts";

const CALLERS = 4;
const contracts = loadContracts(join(import.meta.dirname, "../.."));
// Of those that may take two seconds, since a busy machine takes its time.
const method = findMethod(contracts, "CatalogService.ListProducts");

export class CatalogCalls {
  readonly #toolbox: string;

  /** @param toolbox "127.0.0.1:5050" */
  constructor(toolbox: string) {
    this.#toolbox = toolbox;
  }

  /** Answers who served it, "catalog/v2/catalog-v2-1". */
  async once(address = this.#toolbox, headers: Record<string, string> = {}): Promise<string> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    let served = "";
    const onServedBy = (name: string) => {
      served = name;
    };
    const answers = callMethod({ address, method, request: {}, metadata, contracts, timeoutMs: 5_000, onServedBy });
    await Array.fromAsync(answers);
    return served;
  }

  /** None of the calls that are made without a pause while something is done fails; there are more than so many. */
  async withoutFailure(act: () => Promise<unknown>, least = 10): Promise<void> {
    let isOver = false;
    let calls = 0;
    const failures: string[] = [];
    const callers = Array.from({ length: CALLERS }, async () => {
      while (!isOver) {
        calls += 1;
        await this.once().catch((error: ServiceError) => failures.push(`${status[error.code]}: ${error.details}`));
      }
    });
    try {
      await act();
    } finally {
      isOver = true;
      await Promise.all(callers);
    }
    assert.deepEqual(failures, []);
    assert.ok(calls > least, `${calls} calls`);
  }
}
