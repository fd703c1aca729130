/** What `row` is like before any command is: its Node, its version, its help, its colours. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type TestContext, test } from "vitest";
import { smallProject } from "../../laptop/test/small-project.ts";
import manifest from "../package.json" with { type: "json" };

const root = join(import.meta.dirname, "../..");
const bin = join(import.meta.dirname, "..", manifest.bin.row);
/** The Node that runs this test, and whichever others the machine has. */
const nodes = [
  ...new Set([process.execPath, ...(process.env.PATH ?? "").split(delimiter).map((at) => join(at, "node"))]),
]
  .filter((file) => file.startsWith("/"))
  .filter(isExecutable);

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function row(args: string[], env: NodeJS.ProcessEnv = {}, node = process.execPath) {
  return spawnSync(node, [bin, ...args], { encoding: "utf8", timeout: 60_000, env: { ...process.env, ...env } });
}

function shopThatNeverRan(context: TestContext): NodeJS.ProcessEnv {
  const project = smallProject({ ".row/logs/orders-v1-1.log": `{"msg":"an old line"}\n` });
  context.onTestFinished(project.remove);
  return { ROW_ROOT: project.root, ROW_STATE_DIR: "" };
}

test("runs under each Node of this machine, and hands on its exit status", (context) => {
  const env = shopThatNeverRan(context);
  for (const node of nodes) {
    const { status, stdout, stderr } = row(["status"], env, node);
    assert.equal(stderr, "", node);
    assert.match(stdout, /^The shop is not running/, node);
    assert.equal(status, 1, node);
  }
});

test("whoever ends it ends the process that does the work too", async (context) => {
  const env = { ...process.env, ...shopThatNeverRan(context) };
  for (const node of nodes) {
    const child = spawn(node, [bin, "logs", "--follow"], { env, stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    const [, signal] = await once(child, "exit");
    assert.equal(signal, "SIGTERM", node);
    // Its end comes when nobody holds the pipe any more.
    if (!child.stdout.readableEnded) await once(child.stdout.resume(), "end");
  }
});

test("tells its version, and leaves --version to the commands that have one of their own", () => {
  assert.equal(row(["--version"]).stdout, `row ${manifest.version}, Node ${process.versions.node}\n`);
  assert.match(
    row(["undeploy", "catalog", "--version"]).stderr,
    /^error: option '--version <name>' argument missing\n/,
  );
});

test("the help has the commands in groups, and an error has the help in a line", () => {
  const help = row(["--help"]).stdout;
  const groups = help.split("\n").filter((line) => /^\S.*:$/.test(line));
  assert.deepEqual(groups, ["Options:", "The shop:", "Its calls:", "Versions:", "The mesh:", "Its data:", "Commands:"]);
  assert.match(help, /^ {2}split .*\n/m);
  for (const args of [["nothing"], ["split"], ["stat", "--nothing"], ["mesh", "nothing"]]) {
    const { stderr, status } = row(args);
    assert.equal(status, 1);
    assert.match(stderr, /^error: .*\n(\(Did you mean .*\)\n)?\(row --help lists the commands\)\n$/);
  }
});

test("colours what it shows on a terminal, and nothing where NO_COLOR is set or a pipe reads", () => {
  const authz = ["mesh", "authz", "catalog"];
  const plain = row(authz, { FORCE_COLOR: undefined }).stdout;
  assert.equal(plain, stripVTControlCharacters(plain));
  const script = `"${process.execPath}" "${bin}" ${authz.join(" ")}`;
  const onTerminal = (env: NodeJS.ProcessEnv) =>
    spawnSync("script", ["--quiet", "--return", "--command", script, "/dev/null"], {
      encoding: "utf8",
      cwd: root,
      // Node shows no colours where CI is set, for it seldom knows what reads them there.
      env: { ...process.env, FORCE_COLOR: undefined, CI: undefined, TERM: "xterm-256color", ...env },
    }).stdout.replaceAll("\r\n", "\n");
  const coloured = onTerminal({});
  assert.ok(coloured.includes("\x1b[32myes\x1b[39m"), coloured);
  assert.equal(stripVTControlCharacters(coloured), plain);
  assert.equal(onTerminal({ NO_COLOR: "1" }), plain);
});
