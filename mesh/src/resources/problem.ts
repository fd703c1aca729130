import { RowError } from "@row/topology/row-error.ts";

/** Why a manifest is not obeyed, and what to write instead. */
export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** "GRPCRoute shop/catalog", when it came that far. */
  readonly resource?: string;
  /** The field, "spec.rules[0].backendRefs[1].port". */
  readonly path?: string;
  readonly message: string;
}

/** Everything that is wrong with what was to be loaded, one problem a line. */
export class InvalidResources extends RowError {
  override name = "InvalidResources";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(describe).join("\n"));
    this.problems = problems;
  }
}

/** "mesh/routes/catalog.yaml:12: Cannot use …" */
export function describe({ file, line, message }: Problem): string {
  return `${file}:${line}: ${message}`;
}
