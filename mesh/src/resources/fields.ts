import { type FieldPath, writePath } from "./field-path.ts";
import { isRecord, type Manifest } from "./manifest.ts";
import type { Problem } from "./problem.ts";

interface Reading {
  readonly manifest: Manifest;
  readonly resource: string;
  readonly problems: Problem[];
  readonly opened: Fields[];
}

interface TextRule {
  readonly pattern?: RegExp;
  readonly maxLength?: number;
  /** What the text must be, for the message: "a DNS label such as catalog". */
  readonly wanted?: string;
}

/**
 * One mapping of a manifest, read field by field. Whatever is wrong becomes a problem, and the reader goes on with a value of
 * the right type, so that one reading finds everything. A field that nobody has asked for by the end is a problem too.
 */
export class Fields {
  readonly path: FieldPath;
  readonly #reading: Reading;
  readonly #value: Record<string, unknown>;
  readonly #read = new Set<string>();

  constructor(reading: Reading, value: Record<string, unknown>, path: FieldPath) {
    this.#reading = reading;
    this.#value = value;
    this.path = path;
    reading.opened.push(this);
  }

  static ofManifest(manifest: Manifest, resource: string): Fields {
    return new Fields({ manifest, resource, problems: [], opened: [] }, manifest.value, []);
  }

  /** Everything found so far, and every field that was not asked for. */
  finish(): Problem[] {
    for (const fields of this.#reading.opened) fields.#refuseUnread();
    return [...this.#reading.problems].sort((a, b) => a.line - b.line);
  }

  /** Whether the field is written down, with a value. */
  has(field: string): boolean {
    return this.#value[field] !== undefined && this.#value[field] !== null;
  }

  /** Names the field as one that is not obeyed. `state` and `advice` complete "Cannot use X, field: state; advice". */
  problem(field: string | FieldPath, state: string, advice: string): void {
    const { manifest, resource, problems } = this.#reading;
    const path = [...this.path, ...(typeof field === "string" ? (field === "" ? [] : [field]) : field)];
    const at = writePath(path);
    const message = `Cannot use ${resource}${at && `, ${at}`}: ${state}; ${advice}`;
    problems.push({ file: manifest.file, line: manifest.lineAt(path), resource, path: at, message });
  }

  /** Fields that others fill in and that change nothing here. */
  ignore(...fields: string[]): void {
    for (const field of fields) this.#read.add(field);
  }

  /** A field that Kubernetes has and the mesh does not obey, with what to do instead. */
  refuse(field: string, advice: string): void {
    this.#read.add(field);
    if (this.has(field)) this.problem(field, "the mesh does not obey it", advice);
  }

  /** A field that may only say what is the default anyhow. */
  only(field: string, allowed: readonly unknown[], advice: string): void {
    const value = this.#take(field);
    if (value === undefined || allowed.includes(value)) return;
    this.problem(field, `it is ${JSON.stringify(value)}`, advice);
  }

  text(field: string, rule: TextRule & { readonly fallback?: string } = {}): string {
    const text = this.optionalText(field, rule);
    if (text !== undefined) return text;
    if (rule.fallback !== undefined) return rule.fallback;
    if (!this.has(field)) this.#missing(field, rule.wanted);
    return "";
  }

  optionalText(field: string, rule: TextRule = {}): string | undefined {
    const value = this.#take(field);
    if (value === undefined) return undefined;
    if (typeof value !== "string") {
      this.problem(field, `it is ${typeNameOf(value)}`, `write ${rule.wanted ?? "a string"}${quoteHint(value)}`);
      return undefined;
    }
    const tooLong = rule.maxLength !== undefined && value.length > rule.maxLength;
    if (tooLong) this.problem(field, `it has ${value.length} characters`, `write at most ${rule.maxLength}`);
    else if (rule.pattern && !rule.pattern.test(value)) {
      this.problem(field, `it is ${JSON.stringify(value)}`, `write ${rule.wanted}`);
    }
    return value;
  }

  oneOf<const Choice extends string>(field: string, choices: readonly Choice[], fallback?: Choice): Choice {
    const value = this.#take(field);
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    if (value !== undefined) this.problem(field, `it is ${JSON.stringify(value)}`, `write ${listOf(choices)}`);
    else if (fallback === undefined) this.#missing(field, listOf(choices));
    return fallback ?? (choices[0] as Choice); // every caller offers at least one
  }

  integer(field: string, range: { from: number; to: number; wanted: string; fallback?: number }): number {
    const value = this.#take(field);
    if (value === undefined && range.fallback !== undefined) return range.fallback;
    if (value === undefined) this.#missing(field, range.wanted);
    else if (!isIntegerIn(value, range)) {
      this.problem(field, `it is ${JSON.stringify(value)}`, `write ${range.wanted}`);
    } else return value;
    return range.from;
  }

  optionalInteger(field: string, range: { from: number; to: number; wanted: string }): number | undefined {
    return this.has(field) ? this.integer(field, range) : undefined;
  }

  /** A number that need not be whole. */
  number(field: string, range: { from: number; to: number; wanted: string; fallback: number }): number {
    const value = this.#take(field);
    if (value === undefined) return range.fallback;
    if (typeof value === "number" && value >= range.from && value <= range.to) return value;
    this.problem(field, `it is ${JSON.stringify(value)}`, `write ${range.wanted}`);
    return range.fallback;
  }

  /** True or false. */
  flag(field: string, fallback: boolean): boolean {
    const value = this.#take(field);
    if (value === undefined || typeof value === "boolean") return value ?? fallback;
    this.problem(field, `it is ${JSON.stringify(value)}`, "write true or false");
    return fallback;
  }

  /** A port by its number, or by the name that the pods give it. */
  portOrName(field: string, fallback?: number): number | string {
    const value = this.#take(field) ?? fallback;
    if (isIntegerIn(value, { from: 1, to: 65_535 })) return value;
    if (typeof value === "string" && /^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/.test(value)) return value;
    if (value === undefined) this.#missing(field, "a port's number or name");
    else
      this.problem(
        field,
        `it is ${JSON.stringify(value)}`,
        "write a port's number, or its name of at most 15 characters",
      );
    return 1;
  }

  /** A mapping of strings to strings: labels, annotations. */
  texts(field: string): Record<string, string> {
    const value = this.#take(field);
    if (value === undefined) return {};
    if (!isRecord(value)) {
      this.problem(field, `it is ${typeNameOf(value)}`, "write a mapping of names to strings");
      return {};
    }
    for (const [name, item] of Object.entries(value)) {
      if (typeof item === "string") continue;
      this.problem([field, name], `it is ${typeNameOf(item)}`, `write a string${quoteHint(item)}`);
    }
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  }

  /** A list of strings. */
  list(field: string, rule: TextRule & { readonly max?: number } = {}): string[] {
    return this.#items(field, rule.max).filter((item, index): item is string => {
      const isText = typeof item === "string";
      const fits = isText && (rule.pattern?.test(item) ?? true);
      if (!fits) this.problem([field, index], `it is ${JSON.stringify(item)}`, `write ${rule.wanted ?? "a string"}`);
      return isText;
    });
  }

  object(field: string): Fields {
    const found = this.optionalObject(field);
    if (!found && !this.has(field)) this.#missing(field, "a mapping");
    // What is missing in what is missing is not worth a word.
    return found ?? new Fields({ ...this.#reading, problems: [], opened: [] }, {}, [...this.path, field]);
  }

  optionalObject(field: string): Fields | undefined {
    const value = this.#take(field);
    if (value === undefined) return undefined;
    if (isRecord(value)) return new Fields(this.#reading, value, [...this.path, field]);
    this.problem(field, `it is ${typeNameOf(value)}`, "write a mapping");
    return undefined;
  }

  /** A list of mappings, each read in its turn. */
  each<Item>(
    field: string,
    read: (item: Fields) => Item,
    limits: { min?: number; max?: number; wanted?: string } = {},
  ): Item[] {
    const items = this.#items(field, limits.max);
    if (items.length < (limits.min ?? 0))
      this.problem(field, "it has no items", `write ${limits.wanted ?? "at least one"}`);
    return items.flatMap((item, index) => {
      if (isRecord(item)) return [read(new Fields(this.#reading, item, [...this.path, field, index]))];
      this.problem([field, index], `it is ${typeNameOf(item)}`, "write a mapping");
      return [];
    });
  }

  #items(field: string, max = Number.POSITIVE_INFINITY): unknown[] {
    const value = this.#take(field);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.problem(field, `it is ${typeNameOf(value)}`, "write a list");
      return [];
    }
    if (value.length > max) this.problem(field, `it has ${value.length} items`, `write at most ${max}`);
    return value;
  }

  /** The field's value; what is written as null is not there, as in Kubernetes. */
  #take(field: string): unknown {
    this.#read.add(field);
    return this.#value[field] ?? undefined;
  }

  #missing(field: string, wanted = "it"): void {
    this.problem(field, "it is missing", `write ${wanted}`);
  }

  #refuseUnread(): void {
    for (const field of Object.keys(this.#value)) {
      if (!this.#read.has(field))
        this.problem(field, "the mesh does not know this field", "correct its name or remove it");
    }
  }
}

function isIntegerIn(value: unknown, { from, to }: { from: number; to: number }): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= from && value <= to;
}

function typeNameOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "empty";
  return typeof value === "object" ? "a mapping" : `the ${typeof value} ${JSON.stringify(value)}`;
}

function quoteHint(value: unknown): string {
  if (typeof value === "number") return `: put it in quotes, "${value}"`;
  // What was written may be `yes`.
  return typeof value === "boolean" ? ": put it in quotes" : "";
}

function listOf(choices: readonly string[]): string {
  return choices.length < 2 ? choices.join("") : `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
}
