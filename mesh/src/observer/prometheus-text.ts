export type Labels = Readonly<Record<string, string>>;

/** Durations as they are counted: see call-edge.ts. */
export interface CountedDurations {
  /** Upper bounds in seconds. */
  readonly bounds: readonly number[];
  /** One more than bounds, not cumulative. */
  readonly counts: Float64Array;
  readonly sumUs: number;
}

/** Writes Prometheus's text format, version 0.0.4. */
export class PrometheusText {
  #text = "";

  /** Begins a metric: its samples must follow at once. */
  begin(name: string, type: "counter" | "gauge" | "histogram", help: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  sample(name: string, labels: Labels | string, value: number): void {
    const inner = typeof labels === "string" ? labels : labelText(labels);
    this.#text += inner ? `${name}{${inner}} ${value}\n` : `${name} ${value}\n`;
  }

  histogram(name: string, labels: string, { bounds, counts, sumUs }: CountedDurations): void {
    let total = 0;
    for (const [bucket, bound] of bounds.entries()) {
      total += counts[bucket] ?? 0;
      this.sample(`${name}_bucket`, `${labels},le="${bound}"`, total);
    }
    total += counts[bounds.length] ?? 0;
    this.sample(`${name}_bucket`, `${labels},le="+Inf"`, total);
    this.sample(`${name}_sum`, labels, sumUs / 1e6);
    this.sample(`${name}_count`, labels, total);
  }

  toString(): string {
    return this.#text;
  }
}

export function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, escaped)}"`)
    .join(",");
}

function escaped(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}
