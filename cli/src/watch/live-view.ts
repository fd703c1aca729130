/** Draws a run on a terminal again and again, each request as it passes, until the run is over. */
import { stripVTControlCharacters, styleText } from "node:util";
import type { Installation } from "@row/laptop/installation.ts";
import { followObserver, observerUrl } from "@row/laptop/sidecars/observer-client.ts";
import type { Arms } from "@row/mesh/experiments/run/observation.ts";
import { doing } from "@row/mesh/experiments/run/phase.ts";
import type { RunRecord } from "@row/mesh/experiments/run/run-record.ts";
import type { SecondSeen } from "@row/mesh/experiments/run/stage.ts";
import { ARMS, added, NO_REQUESTS } from "@row/mesh/judge/arms.ts";
import { FAILURES } from "@row/mesh/observer/outcome.ts";
import type { TapLine } from "@row/mesh/observer/tap.ts";
import { frame } from "./frame.ts";
import { type Cell, type Outcome, type Paint, RequestGrid } from "./request-grid.ts";

const DRAWN_EVERY_MS = 200;
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const HOME = "\x1b[H";
const REST_OF_LINE = "\x1b[K";
const REST_OF_SCREEN = "\x1b[J";
const COLOURS = { stable: "cyan", baseline: "blue", canary: "magenta" } as const;

export class LiveView {
  readonly #installation: Installation;
  readonly #grid = new RequestGrid();
  readonly #drawing: NodeJS.Timeout;
  readonly #over = new AbortController();
  #record: RunRecord | undefined;
  #second: SecondSeen | undefined;
  #requests = NO_REQUESTS;

  constructor(installation: Installation) {
    this.#installation = installation;
    process.stdout.write(`${HIDE_CURSOR}${HOME}${REST_OF_SCREEN}`);
    this.#drawing = setInterval(() => this.#draw(), DRAWN_EVERY_MS);
  }

  begin(record: RunRecord): void {
    this.#record = record;
    // It shows nothing that the run needs.
    void this.#follow(record.arms).catch(() => {});
  }

  phase(record: RunRecord): void {
    this.#record = record;
  }

  second(seen: SecondSeen): void {
    const isNewStep = seen.counts.step !== this.#second?.counts.step;
    const { requests } = seen.counts;
    this.#requests = isNewStep ? NO_REQUESTS : added(this.#requests, requests);
    this.#second = seen;
  }

  /** Leaves the last picture where it is, for what comes below it. */
  end(): void {
    clearInterval(this.#drawing);
    this.#draw();
    this.#over.abort();
    process.stdout.write(`${SHOW_CURSOR}\n`);
  }

  async #follow(arms: Arms): Promise<void> {
    const url = await observerUrl(this.#installation);
    for await (const line of followObserver<TapLine>(url, `/tap?service=${arms.service}`, this.#over.signal)) {
      const cell = cellOf(line, arms);
      if (cell) this.#grid.add(cell);
    }
  }

  #draw(): void {
    const record = this.#record;
    if (!record) return;
    const { columns = 80, rows = 24 } = process.stdout;
    const { run, arms, phase } = record;
    const picture = { run, arms, doing: doing(phase), grid: this.#grid, requests: this.#requests };
    const seen = this.#second && { second: this.#second };
    const lines = frame({ ...picture, ...seen }, columns, rows - 1, paint);
    process.stdout.write(HOME + lines.map((line) => `${line}${REST_OF_LINE}\n`).join("") + REST_OF_SCREEN);
  }
}

/** What a request that passed to the service looks like; nothing of those that it makes itself. */
export function cellOf(line: TapLine, arms: Arms): Cell | undefined {
  if ("lost" in line || line.direction !== "outbound" || line.service !== arms.service) return undefined;
  const arm = ARMS.find((one) => line.backend === `${arms.service}-${arms[one]}`);
  return { ...(arm && { arm }), outcome: outcomeOf(line.grpcStatus) };
}

function outcomeOf(status: string): Outcome {
  if (status === "OK") return "well";
  // As the judge counts: without a status there was no answer at all.
  return status === "" || FAILURES.has(status) ? "failed" : "refused";
}

const paint: Paint = (arm, text) => (arm ? styleText(COLOURS[arm], text) : stripVTControlCharacters(text));
