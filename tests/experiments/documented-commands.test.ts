/** The commands of docs/experiments.md, run as a reader would. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { afterAll, beforeAll, test } from "vitest";
import { isAsDocumented, readCommands, Shell } from "../harness/documented-commands.ts";
import { portBase } from "../harness/ports.ts";

const root = resolve(import.meta.dirname, "../..");
const DOCUMENT = "docs/experiments.md";
/** What a reader types; here it is the code under test, on the Node that runs it. */
const NPX = 'npx() { [ "$1" = row ] && shift && "$NODE" cli/src/main.ts "$@"; }';

const folder = mkdtempSync(join(tmpdir(), "row-documented-experiments-"));
const stateDir = join(folder, "state");
const commands = readCommands(readFileSync(join(root, DOCUMENT), "utf8").replaceAll("/tmp/", `${folder}/`));
let shop: Shop;
let shell: Shell;

beforeAll(async () => {
  const services = ["auth", "catalog", "edge"];
  shop = await startShop({ services, stateDir, portBase: await portBase(), isThrowaway: true });
  shell = new Shell(root, { NODE: process.execPath, NO_COLOR: "1", ROW_STATE_DIR: stateDir }, NPX);
});

afterAll(async () => {
  shell?.close();
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

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
