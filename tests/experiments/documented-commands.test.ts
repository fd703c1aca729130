/** The commands of docs/experiments.md, run as a reader would. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, test } from "vitest";
import { isAsDocumented, readCommands, Shell } from "../harness/documented-commands.ts";

const root = resolve(import.meta.dirname, "../..");
const DOCUMENT = "docs/experiments.md";
/** What a reader types; here it is the code under test, on the Node that runs it. */
const NPX = 'npx() { [ "$1" = row ] && shift && "$NODE" cli/src/main.ts "$@"; }';

const shell = new Shell(root, { NODE: process.execPath, NO_COLOR: "1" }, NPX);
const commands = readCommands(readFileSync(join(root, DOCUMENT), "utf8"));

afterAll(() => shell.close());

test("the document has commands", () => {
  assert.ok(commands.length > 3, `${commands.length} commands`);
});

for (const { line, command, output } of commands) {
  test(`${DOCUMENT}:${line}: ${command.split("\n")[0]}`, async () => {
    const printed = await shell.run(command);
    if (isAsDocumented(output, printed)) return;
    assert.fail(`It prints\n${printed.join("\n")}\n\nwhere the document says\n${output.join("\n")}`);
  });
}
