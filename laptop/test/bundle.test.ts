/** Programs run from bundles: they find what they need, and say where in the sources something went wrong. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { onTestFinished, test } from "vitest";
import { observerProgram, Programs, serviceProgram } from "../src/bundle/programs.ts";
import { smallProject, writeInto } from "./small-project.ts";

const root = resolve(import.meta.dirname, "../..");

/** A project with one service, whose program is given. */
function projectWith(main: string, files: Record<string, string> = {}) {
  const project = smallProject({
    "services/echo/service.yaml": "name: echo\nport: 5056\nadminPort: 6056\n",
    "services/echo/src/main.ts": main,
    "node_modules/tell/package.json": '{"name": "tell", "type": "module", "exports": "./index.js"}',
    "node_modules/tell/index.js": 'export const tell = (what) => console.log("told " + what);',
    ...files,
  });
  onTestFinished(() => project.remove());
  const reports: string[] = [];
  const programs = new Programs(project.stateDir, true, (text) => reports.push(text));
  const source = join(project.root, "services/echo/src/main.ts");
  return { ...project, reports, programs, source, bundles: () => readdirSync(join(project.stateDir, "bundles")) };
}

const run = (args: readonly string[], timeout = 20_000) =>
  spawnSync(process.execPath, args, { encoding: "utf8", timeout });

test("a program runs as plain JavaScript, with its own modules inside and packages where they are installed", async () => {
  const { root, programs, source } = projectWith(
    'import { tell } from "tell";\nimport { word } from "./word.ts";\nconst said: string = word;\ntell(said);\nconsole.log(import.meta.resolve("tell"), process.argv[1]);',
    { "services/echo/src/word.ts": 'export const word: string = "yes";' },
  );
  await programs.prepare(root);
  const { stdout, stderr, status } = run(programs.argumentsFor(source));
  assert.deepEqual({ stderr, status }, { stderr: "", status: 0 });
  const [told, found = ""] = stdout.split("\n");
  assert.equal(told, "told yes");
  assert.match(found, /\/node_modules\/tell\/index\.js \S+\/bundles\/\w+\/echo\.mjs$/);
});

test("a stack names the lines of the TypeScript", async () => {
  const { root, programs, source } = projectWith(
    'import { fail } from "./fail.ts";\n\ntype Unneeded = { readonly lines: number };\n\nfail();',
    {
      "services/echo/src/fail.ts":
        'interface Nothing {\n  readonly a: 1;\n}\nexport function fail(): never {\n  throw new Error("as told");\n}',
    },
  );
  await programs.prepare(root);
  const args = programs.argumentsFor(source);
  assert.match(args.at(-1) ?? "", /\/bundles\/\w+\/echo\.mjs$/);
  const { stderr } = run(args);
  assert.match(stderr, /at fail \(\S*services\/echo\/src\/fail\.ts:5:/);
  assert.match(stderr, /services\/echo\/src\/main\.ts:5:/);
});

test("a map is read for a stack and for nothing else, also where a package asks who calls it, as pino 10 does", async () => {
  const { root, programs, source } = projectWith(
    'import { caller } from "asks";\nconsole.log(caller().length > 0);\nconst { stack } = new Error("as told");\nconsole.log(stack);',
    {
      "node_modules/asks/package.json": '{"name": "asks", "type": "module", "exports": "./index.js"}',
      "node_modules/asks/index.js":
        'import { getCallSites } from "node:util";\nexport const caller = () => getCallSites().map(({ scriptName }) => scriptName);',
    },
  );
  await programs.prepare(root);
  const args = programs.argumentsFor(source);
  const program = args.at(-1) ?? "";
  const [map = ""] = readdirSync(dirname(program)).filter((file) => file.endsWith(".map"));
  // Whoever reads it waits.
  rmSync(join(dirname(program), map));
  execFileSync("mkfifo", [join(dirname(program), map)]);
  const { stdout, signal } = run(args, 3_000);
  assert.equal(stdout, "true\n");
  assert.equal(signal, "SIGTERM", "the stack is what a map is read for");
});

test("sources that are as they were are not bundled again, changed ones are, and few old bundles are kept", async () => {
  const { root, programs, source, bundles } = projectWith("console.log(0);");
  await programs.prepare(root);
  const first = bundles();
  await programs.prepare(root);
  assert.deepEqual(bundles(), first);
  for (let count = 1; count <= 7; count += 1) {
    writeInto(root, "services/echo/src/main.ts", `console.log(${count});`);
    await programs.refresh();
  }
  assert.equal(run(programs.argumentsFor(source)).stdout, "7\n");
  assert.equal(bundles().length, 5);
});

test("a checkout that cannot be bundled runs from its TypeScript, and the reason is told", async () => {
  for (const [main, reason] of [
    ["const unfinished = ;", /main\.ts:1:19: ERROR: Unexpected ";"/],
    ["console.log(import.meta.dirname);", /services\/echo\/src\/main\.ts would look for files beside the bundle/],
  ] as const) {
    const { root, programs, source, reports, bundles } = projectWith(main);
    await programs.prepare(root);
    assert.deepEqual(programs.argumentsFor(source), ["--max-semi-space-size=8", source]);
    assert.equal(reports.length, 1);
    assert.match(reports[0] ?? "", reason);
    assert.deepEqual(bundles(), []);
  }
});

test("every program of this project can be bundled, and each bundle starts", async () => {
  const { stateDir, remove } = smallProject();
  onTestFinished(remove);
  const reports: string[] = [];
  const programs = new Programs(stateDir, true, (text) => reports.push(text));
  await programs.prepare(root);
  assert.deepEqual(reports, []);
  const sources = [...discoverServices(root).map(serviceProgram), observerProgram(root)];
  assert.ok(sources.length >= 8);
  for (const source of sources) {
    const args = programs.argumentsFor(source);
    assert.match(args.at(-1) ?? "", /\/bundles\/\w+\/[\w-]+\.mjs$/);
    // Everything is loaded; then each says which of its variables are missing.
    const { status, stderr } = spawnSync(process.execPath, args, { env: {}, encoding: "utf8", timeout: 20_000 });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /[A-Z_]+ (is missing|is not set|must)|Cannot/, source);
  }
});
