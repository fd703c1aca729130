/** `row behave`: has a version misbehave on purpose, for a while. */
import type { Installation } from "@row/laptop/installation.ts";
import type { BehaveOptions, InjectedVersion } from "@row/laptop/sidecars/behaviours.ts";
import { askMesh } from "@row/laptop/supervisor/control-client.ts";
import { describeCatalogue } from "@row/runtime/behaviour/catalogue.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { table } from "../table.ts";
import { injectedText } from "./status.ts";

interface BehaveFlags {
  readonly for: string;
  readonly seed?: string;
  readonly list?: boolean;
  readonly clear?: boolean;
  readonly catalogue?: boolean;
  readonly json?: boolean;
}

export function behaveCommand(here: () => Installation): Command {
  return new Command("behave")
    .description("have a version misbehave on purpose, for a while; everything injected is labelled so")
    .argument("[service]", "such as catalog")
    .argument("[version]", "such as v2")
    .argument("[behaviours...]", "such as errors=20% or slow-tail=5%:300ms@GetProduct; they replace what it did before")
    .option("-t, --for <duration>", "when it ends by itself: 30s, 10m, 2h, or forever", "10m")
    .option("--seed <text>", "what the random decisions follow from, to have the same ones again")
    .option("--list", "show what is injected now")
    .option("--clear", "end it: of the version, of the service, or all")
    .option("--catalogue", "show the behaviours there are, with their usual values")
    .option("--json", "print JSON")
    .action((service: string | undefined, version: string | undefined, behaviours: string[], flags: BehaveFlags) =>
      behave(here(), { service, version, behaviours }, flags),
    );
}

interface Asked {
  readonly service: string | undefined;
  readonly version: string | undefined;
  readonly behaviours: readonly string[];
}

async function behave({ stateDir }: Installation, asked: Asked, flags: BehaveFlags): Promise<void> {
  const { json } = flags;
  if (flags.catalogue) return console.log(json ? JSON.stringify(describeCatalogue(), null, 2) : catalogueText());
  if (flags.clear) await clear(stateDir, asked);
  else if (asked.behaviours.length > 0) await set(stateDir, asked, { forMs: durationOf(flags.for), seed: flags.seed });
  else if (!flags.list) {
    throw new RowError(
      "Cannot tell what to inject: write `npx row behave catalog v2 errors=20%`, or --list, --clear or --catalogue",
    );
  }
  const { injected } = await askMesh(stateDir, "injected", {});
  console.log(json ? JSON.stringify(injected, null, 2) : listText(injected));
}

async function set(stateDir: string, { service = "", version = "", behaviours }: Asked, options: BehaveOptions) {
  await askMesh(stateDir, "behave", { service, version, behaviours, ...options });
}

async function clear(stateDir: string, { service, version }: Asked): Promise<void> {
  const { injected } = await askMesh(stateDir, "injected", {});
  const meant = injected.filter(
    (one) => (service === undefined || one.service === service) && (version === undefined || one.version === version),
  );
  for (const one of meant) {
    await askMesh(stateDir, "behave", { service: one.service, version: one.version, behaviours: [] });
  }
}

function listText(injected: readonly InjectedVersion[]): string {
  if (injected.length === 0) return "Nothing is injected.";
  return ["Injected on purpose:", ...injected.map(injectedText)].join("\n");
}

function catalogueText(): string {
  return table([
    ["BEHAVIOUR", "WHAT IT DOES"],
    ...describeCatalogue().map(({ syntax, about }) => [syntax, about]),
  ]).join("\n");
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const LONGEST_MS = 24 * 3_600_000;

/** Undefined for no end. */
function durationOf(text: string): number | undefined {
  if (text === "forever") return undefined;
  const [, number = "", unit = ""] = /^(\d+)([smh])$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS_MS[unit] ?? Number.NaN);
  if (ms > 0 && ms <= LONGEST_MS) return ms;
  throw new RowError(`Cannot inject for ${text}: write 30s, 10m or up to 24h, or forever`);
}
