import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { root } from "../manifests.ts";

export const PYTHON = spawnSync("python3", ["--version"]).status === 0 ? "python3" : undefined;

export interface Resource {
  readonly name: string;
  readonly kind: "k8s" | "local";
  readonly labels: readonly string[];
  readonly resource_deps: readonly string[];
  readonly trigger_mode: "auto" | "manual";
  readonly auto_init: boolean;
  readonly portForwards: readonly { readonly local: number; readonly container: number }[];
  readonly objects: readonly { readonly kind: string; readonly metadata: { readonly name: string } }[];
  /** Of a local resource. */
  readonly cmd?: readonly string[];
  readonly deps?: readonly string[];
}

interface Image {
  readonly ref: string;
  readonly context: string;
  readonly dockerfile: string;
  readonly target: string;
  readonly build_args: Readonly<Record<string, string>>;
  readonly only: readonly string[];
  readonly live_update: readonly {
    readonly sync?: string;
    readonly to?: string;
    readonly fallBackOn?: readonly string[];
  }[];
}

/** What Tilt would have after it has read the Tiltfile. */
export interface Evaluation {
  readonly resources: readonly Resource[];
  /** Objects that belong to no resource, and workloads that nobody named. */
  readonly left: readonly string[];
  readonly images: readonly Image[];
  readonly buttons: readonly {
    readonly name: string;
    readonly text: string;
    readonly location: { readonly component_id: string };
  }[];
  readonly commands: readonly {
    readonly args: readonly string[];
    readonly start_on: { readonly ui_buttons: readonly string[] };
  }[];
  /** What runs when not everything does. */
  readonly enabled: readonly string[] | null;
  readonly refused?: string;
}

export type Settings = Readonly<Record<string, boolean | string | readonly string[]>>;

interface Question {
  readonly root?: string;
  readonly subcommand?: "up" | "ci";
  readonly settings?: Settings;
}

/** Evaluates the Tiltfile of a checkout; throws what Tilt would say where it cannot. */
export function evaluate({ root: of = root, subcommand = "up", settings = {} }: Question = {}): Evaluation {
  const input = JSON.stringify({ root: of, context: "kind-dev", subcommand, settings, yaml: yamlOf(of) });
  const script = join(import.meta.dirname, "evaluate.py");
  const { stdout, stderr, status } = spawnSync(PYTHON ?? "python3", [script], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 27,
  });
  if (status !== 0) throw new Error(stderr);
  const answer: Evaluation = JSON.parse(stdout);
  if (answer.refused !== undefined) throw new Error(answer.refused);
  return answer;
}

const read = new Map<string, { text: string; documents: unknown[] }>();

/** Every YAML file that the Tiltfile reads, by its path. */
function yamlOf(of: string): Record<string, unknown[]> {
  const patterns = ["services/*/service.yaml", "*/service.yaml", "k8s/rendered/*/*.yaml", "mesh/services/*.yaml"];
  return Object.fromEntries(globSync(patterns, { cwd: of }).map((file) => [file, documentsOf(join(of, file))]));
}

function documentsOf(file: string): unknown[] {
  const text = readFileSync(file, "utf8");
  const earlier = read.get(file);
  if (earlier?.text === text) return earlier.documents;
  const documents = parseAllDocuments(text, { version: "1.1" }).map((document) => document.toJS());
  read.set(file, { text, documents });
  return documents;
}
