/** The file by which `row` tells a version how to behave: what is in it, and whom it is believed from. */
import { readFileSync, statSync } from "node:fs";
import { type Behaviour, parseBehaviour } from "./catalogue.ts";

/** What a version is told, as JSON. */
export interface Orders {
  /** As `parseBehaviour` reads them. */
  readonly behaviours: readonly string[];
  /** When it ends by itself, as an ISO time; until it is told otherwise when absent. */
  readonly until?: string;
  /** Of the random decisions: the same ones in the same order with the same seed. */
  readonly seed: string;
}

/** The orders with their behaviours read. */
export interface ReadOrders {
  readonly behaviours: readonly Behaviour[];
  /** Milliseconds until they end; undefined for no end. */
  readonly remainingMs: number | undefined;
  readonly seed: string;
}

const MOST_BYTES = 16 * 1024;
/** A Secret of Kubernetes comes as a file of root's that the pod's group may read. */
const ROOT = 0;
const REFUSED_MODE = 0o027;

/** Undefined where there is no such file. Throws for one that anybody else could have written, or that means nothing. */
export function readBehaviourFile(path: string): ReadOrders | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return undefined;
  const isOwners = stats.uid === process.getuid?.() || stats.uid === ROOT;
  if (!isOwners || !stats.isFile() || (stats.mode & REFUSED_MODE) !== 0)
    throw new Error(
      `Cannot follow ${path}: it must be a file of this user's, or root's, that its group may read at most and others may not`,
    );
  if (stats.size > MOST_BYTES) throw new Error(`Cannot follow ${path}: it is longer than ${MOST_BYTES} bytes`);
  const { behaviours, until, seed } = JSON.parse(readFileSync(path, "utf8")) as Orders; // what `row` writes
  const remainingMs = until === undefined ? undefined : Date.parse(until) - Date.now();
  return { behaviours: behaviours.map(parseBehaviour), remainingMs, seed };
}
