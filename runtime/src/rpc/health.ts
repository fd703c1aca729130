/** Health, whose watchers can be sent away: the package's own would stay until the connection breaks, and hold up every stop. */
import type { handleServerStreamingCall, Server } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";

type Watch = handleServerStreamingCall<unknown, unknown>;
type Watcher = Parameters<Watch>[0];

export class Health {
  readonly #health = new HealthImplementation({ "": "NOT_SERVING" });
  readonly #watchers = new Set<Watcher>();

  setServing(service: string, isServing: boolean): void {
    this.#health.setStatus(service, isServing ? "SERVING" : "NOT_SERVING");
  }

  addTo(server: Server): void {
    const addService: Server["addService"] = (definition, { watch, ...others }) => {
      const following: Watch = (watcher) => {
        this.#watchers.add(watcher);
        watcher.once("cancelled", () => this.#watchers.delete(watcher)); // said of every call in the end
        (watch as Watch)(watcher);
      };
      server.addService(definition, { ...others, watch: following });
    };
    this.#health.addToServer({ addService } as Server); // all it asks of one
  }

  /** Ends all watches, as the protocol allows: who still wants to know asks again, elsewhere. */
  endWatches(): void {
    for (const watcher of this.#watchers) watcher.end();
  }
}
