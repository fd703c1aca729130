/** Values found by the bytes that a line starts with, so that what is known of them is looked up once and not parsed again. */
export class PrefixTable<Value> {
  readonly #buckets = new Map<number, { prefix: Uint8Array; value: Value }[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  find(bytes: Uint8Array, end: number, hash: number): Value | undefined {
    const bucket = this.#buckets.get(hash);
    if (!bucket) return undefined;
    for (const { prefix, value } of bucket) if (startsWith(bytes, end, prefix)) return value;
    return undefined;
  }

  add(bytes: Uint8Array, end: number, hash: number, value: Value): void {
    // A copy, because the rest of the line need not stay.
    const entry = { prefix: Uint8Array.from(bytes.subarray(0, end)), value };
    const bucket = this.#buckets.get(hash);
    if (bucket) bucket.push(entry);
    else this.#buckets.set(hash, [entry]);
    this.#size += 1;
  }

  clear(): void {
    this.#buckets.clear();
    this.#size = 0;
  }
}

function startsWith(bytes: Uint8Array, end: number, prefix: Uint8Array): boolean {
  if (prefix.length !== end) return false;
  for (let at = 0; at < end; at += 1) if (bytes[at] !== prefix[at]) return false;
  return true;
}
