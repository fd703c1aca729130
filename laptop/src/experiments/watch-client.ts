/** The observer's counts of one service, from when it is asked to watch it until it is told to stop. */
import type { WatchCounts } from "@row/mesh/observer/watch.ts";
import type { OpenedWatch } from "@row/mesh/observer/watch-api.ts";
import { askObserver } from "../sidecars/observer-client.ts";

export interface OpenWatch {
  /** All since it was opened. */
  read(signal: AbortSignal): Promise<WatchCounts>;
  close(): Promise<void>;
}

const DEADLINE_MS = 5_000;

export async function openWatch(url: string, service: string, thresholdsUs: readonly number[]): Promise<OpenWatch> {
  const query = new URLSearchParams([["service", service], ...thresholdsUs.map((us) => ["thresholdUs", String(us)])]);
  const within = () => AbortSignal.timeout(DEADLINE_MS);
  const { id } = await askObserver<OpenedWatch>(url, `/watches?${query}`, { method: "POST", signal: within() });
  const path = `/watches/${id}`;
  return {
    read: (signal) => askObserver<WatchCounts>(url, path, { signal }),
    async close() {
      // The observer forgets what nobody looks at, and everything when it starts anew.
      await askObserver(url, path, { method: "DELETE", signal: within() }).catch(() => {});
    },
  };
}
