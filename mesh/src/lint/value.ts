import type { FieldPath } from "../resources/field-path.ts";
import { isRecord, type Manifest } from "../resources/manifest.ts";

/** A field of a manifest that may hold anything or be absent, with its place. */
export class Value {
  readonly manifest: Manifest;
  readonly path: FieldPath;
  readonly raw: unknown;

  constructor(manifest: Manifest, path: FieldPath, raw: unknown) {
    this.manifest = manifest;
    this.path = path;
    this.raw = raw ?? undefined;
  }

  /** The field below, however deep; absent when anything on the way is. */
  at(...steps: string[]): Value {
    const [step, ...rest] = steps;
    if (step === undefined) return this;
    const raw = isRecord(this.raw) ? this.raw[step] : undefined;
    return new Value(this.manifest, [...this.path, step], raw).at(...rest);
  }

  get exists(): boolean {
    return this.raw !== undefined;
  }

  get text(): string | undefined {
    return typeof this.raw === "string" ? this.raw : undefined;
  }

  get number(): number | undefined {
    return typeof this.raw === "number" ? this.raw : undefined;
  }

  /** The items of a list; none when it is no list. */
  get items(): Value[] {
    if (!Array.isArray(this.raw)) return [];
    return this.raw.map((item, index) => new Value(this.manifest, [...this.path, index], item));
  }

  /** The fields of a mapping; none when it is no mapping. */
  get fields(): [string, Value][] {
    if (!isRecord(this.raw)) return [];
    return Object.keys(this.raw).map((name) => [name, this.at(name)]);
  }

  /** The mapping's strings: labels, annotations. */
  get texts(): Record<string, string> {
    return Object.fromEntries(this.fields.flatMap(([name, { text }]) => (text === undefined ? [] : [[name, text]])));
  }

  get line(): number {
    return this.manifest.lineAt(this.path);
  }
}
