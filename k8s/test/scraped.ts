/** What /metrics says, as a set of names, labels and values. */

export class Scraped {
  /** Metric → label → values. */
  readonly #metrics = new Map<string, Map<string, Set<string>>>();

  /** Reads Prometheus's text format; `extra` are the labels that the scraper adds. */
  add(text: string, extra: Readonly<Record<string, string>>): void {
    for (const line of text.split("\n")) {
      const declared = /^# TYPE (\S+) (\S+)/.exec(line);
      if (declared) this.#declare(declared[1] ?? "", declared[2] ?? "");
      const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line);
      if (!sample) continue;
      const labels = this.#labels(sample[1] ?? "");
      const own = [...(sample[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value]);
      for (const [name = "", value = ""] of [...own, ...Object.entries(extra)]) {
        const values = labels.get(name) ?? new Set();
        values.add(value);
        labels.set(name, values);
      }
    }
  }

  has(metric: string): boolean {
    return this.#metrics.has(metric);
  }

  /** The values that a label was seen with; undefined when it never was. */
  values(metric: string, label: string): ReadonlySet<string> | undefined {
    return this.#metrics.get(metric)?.get(label);
  }

  /** False for a metric that is declared and has not happened yet. */
  hasSamples(metric: string): boolean {
    return (this.#metrics.get(metric)?.size ?? 0) > 0;
  }

  #declare(name: string, type: string): void {
    const names = type === "histogram" ? ["_bucket", "_sum", "_count"].map((suffix) => name + suffix) : [name];
    for (const each of names) this.#labels(each);
  }

  #labels(metric: string): Map<string, Set<string>> {
    const labels = this.#metrics.get(metric) ?? new Map<string, Set<string>>();
    this.#metrics.set(metric, labels);
    return labels;
  }
}
