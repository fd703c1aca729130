/** A file that may be replaced while the process runs: whoever follows it hears of that. */
import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** What the files of a Secret or ConfigMap are links into; kubelet replaces it with all of them. */
const KUBELETS = "..data";
/** Editors write a file in several steps. */
const SETTLE_MS = 50;

/**
 * Calls `changed` some time after the file has changed, appeared or gone; the returned function ends that. `failed` hears why it
 * cannot be followed.
 */
export function followFile(path: string, changed: () => void, failed: (error: unknown) => void): () => void {
  const name = basename(path);
  let timer: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  try {
    // Of the folder: a file that is replaced is another file, which nobody would watch.
    watcher = watch(dirname(path), { persistent: false }, (_event, file) => {
      if (file !== null && file !== name && file !== KUBELETS) return;
      clearTimeout(timer);
      timer = setTimeout(changed, SETTLE_MS).unref();
    }).on("error", failed);
  } catch (error) {
    failed(error);
  }
  return () => {
    clearTimeout(timer);
    watcher?.close();
  };
}
