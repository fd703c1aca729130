/** `row mesh`: what the mesh obeys. */
import type { Installation } from "@row/laptop/installation.ts";
import { Command } from "commander";
import type { Target } from "../target.ts";
import { authzCommand } from "./mesh-authz.ts";
import { lintCommand } from "./mesh-lint.ts";

export function meshCommand(target: () => Target, here: () => Installation): Command {
  return new Command("mesh")
    .description("look at what the mesh obeys")
    .addCommand(authzCommand(target, here))
    .addCommand(lintCommand(here));
}
