/** A request line cut at its "|", without making a string or an object of any part of it. */

const BAR = 0x7c;
const MINUS = 0x2d;
const PLUS = 0x2b;
const ZERO = 0x30;
const NINE = 0x39;
const LINE_END = 0x0a;
/** More than any line has; what lies beyond is part of the last field. */
const MOST_FIELDS = 24;
/** Kind, instance, backend, server: the fields that few combinations exist of. */
const PREFIX_FIELDS = 4;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** One reader serves all lines: `split` overwrites what the line before has left. */
export class LineFields {
  bytes: Uint8Array = new Uint8Array(0);
  count = 0;
  /** Where the first four fields end, and a hash of them. */
  prefixEnd = 0;
  prefixHash = 0;
  /** One past the bar that ends each field. */
  readonly #after = new Int32Array(MOST_FIELDS + 1);

  split(bytes: Uint8Array): void {
    let end = bytes.length;
    while (end > 0 && (bytes[end - 1] === LINE_END || bytes[end - 1] === 0)) end -= 1;
    const after = this.#after;
    let fields = 0;
    let hash = FNV_OFFSET;
    let at = 0;
    for (; at < end && fields < PREFIX_FIELDS; at += 1) {
      const byte = bytes[at] ?? 0;
      hash = Math.imul(hash ^ byte, FNV_PRIME);
      if (byte === BAR) after[++fields] = at + 1;
    }
    this.prefixEnd = at;
    this.prefixHash = hash;
    for (; at < end; at += 1) if (bytes[at] === BAR && fields < MOST_FIELDS - 1) after[++fields] = at + 1;
    after[fields + 1] = end + 1;
    this.bytes = bytes;
    this.count = fields + 1;
  }

  start(field: number): number {
    return this.#after[field] ?? 0;
  }

  end(field: number): number {
    return (this.#after[field + 1] ?? 1) - 1;
  }

  /** The first byte of a field, 0 when it is empty. */
  byte(field: number, offset = 0): number {
    const at = this.start(field) + offset;
    return at < this.end(field) ? (this.bytes[at] ?? 0) : 0;
  }

  /** A whole number; a sign may stand before it; -1 for "-" and whatever else is none. */
  number(field: number): number {
    const end = this.end(field);
    let at = this.start(field);
    const sign = this.bytes[at] === MINUS ? -1 : 1;
    if (sign < 0 || this.bytes[at] === PLUS) at += 1;
    if (at >= end) return -1;
    let value = 0;
    for (; at < end; at += 1) {
      const digit = this.bytes[at] ?? 0;
      if (digit < ZERO || digit > NINE) return -1;
      value = value * 10 + (digit - ZERO);
    }
    return sign * value;
  }

  text(field: number, lastField = field): string {
    return latin1(this.bytes, this.start(field), this.end(lastField));
  }

  /** As text, or "" for "-", which stands for nothing. */
  optional(field: number): string {
    const text = this.text(field);
    return text === "-" ? "" : text;
  }
}

export function latin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1", start, end);
}
