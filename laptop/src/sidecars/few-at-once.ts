import { availableParallelism } from "node:os";

/** Does something for each, as many at once as there are processors: more would only take them from what serves calls. */
export async function fewAtOnce<Item>(items: readonly Item[], act: (item: Item) => Promise<unknown>): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await act(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}
