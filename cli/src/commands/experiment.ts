/** `row experiment`: canary experiments and their files. */
import type { Installation } from "@row/laptop/installation.ts";
import { Command } from "commander";
import { experimentAbortCommand } from "./experiment-abort.ts";
import { experimentJudgeCommand } from "./experiment-judge.ts";
import { experimentLintCommand } from "./experiment-lint.ts";
import { experimentListCommand } from "./experiment-list.ts";
import { experimentRenderCommand } from "./experiment-render.ts";
import { experimentRunCommand } from "./experiment-run.ts";
import { experimentShowCommand } from "./experiment-show.ts";
import { experimentStatusCommand } from "./experiment-status.ts";

export function experimentCommand(here: () => Installation): Command {
  return new Command("experiment")
    .description("canary experiments: a share of the traffic for a new version, and a verdict on evidence")
    .addCommand(experimentListCommand(here))
    .addCommand(experimentLintCommand(here))
    .addCommand(experimentRunCommand(here))
    .addCommand(experimentStatusCommand(here))
    .addCommand(experimentAbortCommand(here))
    .addCommand(experimentShowCommand(here))
    .addCommand(experimentJudgeCommand())
    .addCommand(experimentRenderCommand(here));
}
