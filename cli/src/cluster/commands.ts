import type { Installation } from "@row/laptop/installation.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { Command } from "commander";
import type { CallFlags } from "../commands/call.ts";
import { type Choice, chosen, type GetFlags, showResources } from "../commands/get.ts";
import { authzText } from "../commands/mesh-authz.ts";
import type { StatFlags } from "../commands/stat.ts";
import { call } from "./call.ts";
import { Kubectl } from "./kubectl.ts";
import { readCluster } from "./resources.ts";
import { split } from "./split.ts";
import { stat } from "./stat.ts";

/** The commands that mean something in a cluster, in the words that they have on a laptop. */
const COMMANDS = {
  split: (kubectl: Kubectl, _: Installation, service: string, weights: string[]) => split(kubectl, service, weights),
  get: (kubectl: Kubectl, _: Installation, kind: string | undefined, names: string[], { output }: GetFlags) =>
    get(kubectl, chosen(kind, output), names),
  "mesh authz": async (
    kubectl: Kubectl,
    _: Installation,
    service: string | undefined,
    { json }: { json?: boolean },
  ) => {
    const { resources, leftOut } = await readCluster(kubectl);
    tell(leftOut);
    console.log(authzText(resources, service, json));
  },
  stat: (kubectl: Kubectl, _: Installation, service: string | undefined, flags: StatFlags & { prometheus?: string }) =>
    stat(kubectl, service, flags),
  call: (kubectl: Kubectl, { root }: Installation, method: string, json: string, flags: CallFlags) =>
    call(kubectl, root, method, json, flags),
};

/** What looks at files does the same wherever the shop runs. */
const ABOUT_FILES: ReadonlySet<string> = new Set(["mesh lint"]);

async function get(kubectl: Kubectl, choice: Choice, names: string[]): Promise<void> {
  const { resources, leftOut } = await readCluster(kubectl, choice.kind && [choice.kind]);
  tell(leftOut);
  showResources(resources, choice, names);
}

function tell(leftOut: readonly string[]): void {
  for (const reason of leftOut) console.error(`Left out: ${reason}`);
}

/** Lets a command, and those below it, do what they do in a cluster; one that has no meaning there refuses. */
export function actInCluster(command: Command, installation: () => Installation, context: string | undefined): void {
  for (const below of command.commands) actInCluster(below, installation, context);
  const path = pathOf(command);
  if (ABOUT_FILES.has(path)) return;
  if (path === "stat")
    command.option("--prometheus <url>", "ask this Prometheus instead of the observability profile's");
  command.action(async (...given: unknown[]) => {
    if (!isKnown(path)) {
      throw new RowError(
        `Cannot ${path} on kubernetes: there are ${Object.keys(COMMANDS).join(", ")}; kubectl and Tilt do the rest`,
      );
    }
    // The command's own arguments and options, as commander was told of them; it appends itself.
    const run = COMMANDS[path] as (kubectl: Kubectl, installation: Installation, ...given: unknown[]) => Promise<void>;
    await run(new Kubectl(context), installation(), ...given.slice(0, -1));
  });
}

function isKnown(path: string): path is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, path);
}

/** "mesh authz" */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}
