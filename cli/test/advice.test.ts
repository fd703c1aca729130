/** Each command that a message of the project names is one that can be typed as it stands: found by a pattern, so that new ones are too. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { test } from "vitest";
import rootManifest from "../../package.json" with { type: "json" };
import { commandGroups } from "../src/commands/groups.ts";

const root = join(import.meta.dirname, "../..");
const SOURCES = ["cli/src", "laptop/src", "topology/src", "mesh/src", "runtime/src", "k8s/src"];
const COMMENT = /^\s*(\/\/|\/\*|\*)/;
/** Between backquotes that a text shows: escaped, or within other quotes. */
const QUOTED = /(?:\\`|(?<=["'][^`]*)`)((?:npx row|row|npm) [a-z][^`\\]*)\\?`/g;
/** At the end of a text, after a colon or in brackets. */
const UNQUOTED = /(?<=: |\(|^ {2})((?:npx row|npm run row --) [a-z][^`"\n]*?)(?=\)?[`"]|$)/g;
const NPM = /["`](npm (?:start|ci|run [\w:]+))/g;

interface Advice {
  readonly where: string;
  readonly command: string;
}

const advice: Advice[] = SOURCES.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root })).flatMap((file) => {
  if (file.endsWith(".test.ts")) return [];
  const lines = readFileSync(join(root, file), "utf8").split("\n");
  return lines.flatMap((line, index) =>
    COMMENT.test(line)
      ? []
      : [QUOTED, UNQUOTED, NPM]
          .flatMap((pattern) => [...line.matchAll(pattern)])
          .map(([, command = ""]) => ({ where: `${file}:${index + 1}`, command })),
  );
});

/** What a template puts in, as somebody would read it there. */
function asRead(command: string): string {
  return command
    .replaceAll(/\$\{(ids?|.*[Ii]d)\}/g, "1")
    .replaceAll(/\$\{[^}]*[Rr]eplicas\}/g, "2")
    .replaceAll(/\$\{[^}]*[Vv]ersion\}/g, "v2")
    .replaceAll(/\$\{flags\}/g, "")
    .replaceAll(/\$\{[^}]*\}/g, "catalog");
}

/** A command line that takes every command and does nothing of what it says. */
async function commandLine(): Promise<Command> {
  const nowhere = () => assert.fail("nothing is done here");
  const row = new Command("row").option("--on <place>").option("--context <name>");
  for (const group of Object.values(commandGroups(nowhere, nowhere))) {
    for (const load of Object.values(group)) row.addCommand(await load());
  }
  return harmless(row);
}

function harmless(command: Command): Command {
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  for (const below of command.commands) harmless(below);
  // Without one of its own commander would show a group's help, as a mistake.
  if (command.commands.length === 0 || command.registeredArguments.length > 0 || command.options.length > 0) {
    command.action(() => {});
  }
  return command;
}

test("messages name commands, and each of those of row as it is typed in a shell", () => {
  assert.ok(advice.length > 40, `${advice.length} found`);
  const untypable = advice.filter(({ command }) => command.startsWith("row ") || command.startsWith("npm run row"));
  assert.deepEqual(untypable, []);
});

test("row takes each command that a message names, with its flags", async () => {
  const wrong: string[] = [];
  for (const { where, command } of advice.filter(({ command }) => command.startsWith("npx row "))) {
    const words = asRead(command).split(" ").filter(Boolean).slice(2);
    await (await commandLine())
      .parseAsync(words, { from: "user" })
      .catch((error: Error) => wrong.push(`${where}: ${command}: ${error.message}`));
  }
  assert.deepEqual(wrong, []);
});

test("npm has each script that a message names", () => {
  const wrong = advice.filter(({ command }) => {
    const [, script] = /^npm run ([\w:-]+)/.exec(command) ?? [];
    return script !== undefined && !Object.hasOwn(rootManifest.scripts, script);
  });
  assert.deepEqual(wrong, []);
});
