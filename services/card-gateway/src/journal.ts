import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/**
 * An append-only file of JSON lines. Appends that arrive while a write is under way share the next write and its one
 * fdatasync (group commit), so the disk's latency bounds the delay of an answer, not the number of answers.
 */
export class Journal<Entry> {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #onFailure: (error: Error) => void;
  #durableBytes: number;
  #waiting: string[] = [];
  #nextWrite: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, bytes: number, onFailure: (error: Error) => void) {
    this.#path = path;
    this.#file = file;
    this.#durableBytes = bytes;
    this.#onFailure = onFailure;
  }

  /** Replays what is there, cuts a torn last line, and opens for appending. `onFailure` hears of a failed write: memory is then ahead of the disk, so the process must end. */
  static async open<Entry>(
    path: string,
    replay: (entry: Entry) => void,
    onFailure: (error: Error) => void,
  ): Promise<Journal<Entry>> {
    const file = await open(path, "a+");
    const bytes = await readEntries(path, replay);
    await file.truncate(bytes);
    await file.datasync();
    return new Journal<Entry>(path, file, bytes, onFailure);
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

  /** The durable part of the file. */
  read(): Readable | undefined {
    if (this.#durableBytes === 0) return undefined;
    return createReadStream(this.#path, { end: this.#durableBytes - 1 });
  }

  async close(): Promise<void> {
    await this.flushed();
    await this.#file.close();
  }

  async #write(): Promise<void> {
    const batch = Buffer.from(this.#waiting.join(""));
    this.#waiting = [];
    this.#nextWrite = undefined;
    try {
      await this.#file.appendFile(batch);
      await this.#file.datasync();
      this.#durableBytes += batch.length;
    } catch (error) {
      this.#onFailure(error instanceof Error ? error : new Error(String(error)));
      // Nobody may be told that this batch was written; the process is about to end.
      await new Promise(() => {});
    }
  }
}

/** Returns the length of the part that is whole. Only the end may be torn: it was never acknowledged. */
async function readEntries<Entry>(path: string, replay: (entry: Entry) => void): Promise<number> {
  const size = await fileSize(path);
  let whole = 0;
  let torn: number | undefined;
  let lineNumber = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    lineNumber += 1;
    if (torn !== undefined) throw new Error(`Cannot read ${path}: line ${torn} is damaged and is not the last`);
    const end = whole + Buffer.byteLength(line) + 1;
    const entry = end <= size ? parse<Entry>(line) : undefined;
    if (entry === undefined) {
      torn = lineNumber;
      continue;
    }
    replay(entry);
    whole = end;
  }
  return whole;
}

async function fileSize(path: string): Promise<number> {
  const file = await open(path, "r");
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
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
