/** An append-only file of JSON lines, durable before it says so, and bounded: the older half of it goes when there is too much. */
import { createReadStream, openSync, renameSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

export interface JournalOptions<Entry> {
  readonly replay: (entry: Entry) => void;
  /** Hears of a failed write: memory is then ahead of the disk, so the process must end. */
  readonly onFailure: (error: Error) => void;
  /** Entries in a file. A full one becomes the older of two, in place of the one that was. */
  readonly mostEntries: number;
}

/**
 * Appends that arrive while a write is under way share the next write and its one
 * fdatasync (group commit), so the disk's latency bounds the delay of an answer, not the number of answers.
 */
export class Journal<Entry> {
  readonly #path: string;
  readonly #options: JournalOptions<Entry>;
  #file: FileHandle;
  #durableBytes: number;
  #entries: number;
  #waiting: string[] = [];
  #nextWrite: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, { bytes, entries }: Whole, options: JournalOptions<Entry>) {
    this.#path = path;
    this.#file = file;
    this.#durableBytes = bytes;
    this.#entries = entries;
    this.#options = options;
  }

  /** Replays what is there, cuts a torn last line, and opens for appending. */
  static async open<Entry>(path: string, options: JournalOptions<Entry>): Promise<Journal<Entry>> {
    await readEntries(olderOf(path), options.replay);
    const file = await open(path, "a+");
    const whole = await readEntries(path, options.replay);
    await file.truncate(whole.bytes);
    await file.datasync();
    return new Journal<Entry>(path, file, whole, options);
  }

  /** Resolves when the entry, and so every entry before it, is on disk. */
  append(entry: Entry): Promise<void> {
    this.#waiting.push(`${JSON.stringify(entry)}\n`);
    if (this.#nextWrite === undefined) {
      this.#nextWrite = this.#writing.then(() => this.#write());
      this.#writing = this.#nextWrite;
    }
    return this.#nextWrite;
  }

  /** Resolves when everything appended so far is on disk. */
  flushed(): Promise<void> {
    return this.#writing;
  }

  /** The durable part of both files, oldest first, as it is now: what comes or goes later changes nothing. */
  read(): Readable {
    const streams = [
      openedNow(olderOf(this.#path)),
      ...(this.#durableBytes > 0 ? [openedNow(this.#path, this.#durableBytes - 1)] : []),
    ];
    return Readable.from(inTurn(streams.filter((stream) => stream !== undefined)));
  }

  async close(): Promise<void> {
    await this.flushed();
    await this.#file.close();
  }

  async #write(): Promise<void> {
    const entries = this.#waiting;
    const batch = Buffer.from(entries.join(""));
    this.#waiting = [];
    this.#nextWrite = undefined;
    try {
      await this.#file.appendFile(batch);
      await this.#file.datasync();
      this.#durableBytes += batch.length;
      this.#entries += entries.length;
      if (this.#entries >= this.#options.mostEntries) await this.#beginAnother();
    } catch (error) {
      this.#options.onFailure(error instanceof Error ? error : new Error(String(error)));
      // Nobody may be told that this batch was written; the process is about to end.
      await new Promise(() => {});
    }
  }

  async #beginAnother(): Promise<void> {
    await this.#file.close();
    // In one go for whoever reads: never the new name with the old length.
    renameSync(this.#path, olderOf(this.#path));
    this.#durableBytes = 0;
    this.#entries = 0;
    this.#file = await open(this.#path, "a+");
    await syncFolderOf(this.#path);
  }
}

function olderOf(path: string): string {
  return `${path}.1`;
}

/** A rename and a new file are on disk when their folder is. */
async function syncFolderOf(path: string): Promise<void> {
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function openedNow(path: string, end?: number): Readable | undefined {
  try {
    return createReadStream(path, { fd: openSync(path, "r"), end });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function* inTurn(streams: readonly Readable[]): AsyncGenerator<Buffer> {
  try {
    for (const stream of streams) yield* stream;
  } finally {
    for (const stream of streams) stream.destroy();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** The part of a file that is whole. */
interface Whole {
  readonly bytes: number;
  readonly entries: number;
}

/** Only the end may be torn: it was never acknowledged. */
async function readEntries<Entry>(path: string, replay: (entry: Entry) => void): Promise<Whole> {
  const size = await fileSize(path);
  let bytes = 0;
  let entries = 0;
  if (size === 0) return { bytes, entries };
  let torn: number | undefined;
  let lineNumber = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    lineNumber += 1;
    if (torn !== undefined) throw new Error(`Cannot read ${path}: line ${torn} is damaged and is not the last`);
    const end = bytes + Buffer.byteLength(line) + 1;
    const entry = end <= size ? parse<Entry>(line) : undefined;
    if (entry === undefined) {
      torn = lineNumber;
      continue;
    }
    replay(entry);
    bytes = end;
    entries += 1;
  }
  return { bytes, entries };
}

async function fileSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

function parse<Entry>(line: string): Entry | undefined {
  try {
    // The file is written by this class alone.
    return JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
}
