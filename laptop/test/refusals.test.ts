import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { resolve } from "node:path";
import type { RedisUse } from "@row/topology/service-manifest.ts";
import { test } from "vitest";
import { prepareStateDir } from "../src/state-dir.ts";
import { checkPortsAreFree } from "../src/stores/ports.ts";
import { findPrograms, programsFor } from "../src/stores/programs.ts";
import { smallProject } from "./small-project.ts";

test("names a taken port, what wanted it, and the process that has it", async (context) => {
  const server = createServer();
  context.onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const owner = process.platform === "linux" ? `pid ${process.pid} \\(.*node` : "an unknown process";
  await assert.rejects(
    checkPortsAreFree(new Map([[port, "orders, admin"]])),
    new RegExp(`^RowError: Port ${port} \\(orders, admin\\) is taken by ${owner}`),
  );
});

test("says which command installs the servers that are missing", async (context) => {
  const project = smallProject({ "bin/README": "empty", "install.sh": "exit 0" });
  context.onTestFinished(project.remove);
  const search = { folders: [`${project.root}/bin`], installScript: `${project.root}/install.sh` };
  const missing = (redis: RedisUse[]) => findPrograms(programsFor([{ redis }]), search);
  await assert.rejects(missing(["durable"]), /^RowError: Missing haproxy, nats-server, redis-server: run\n {2}\S+ /);
  await assert.rejects(
    missing([]),
    /^RowError: Missing haproxy, nats-server: run\n {2}\S+ /,
    "nothing is kept in Redis",
  );
});

test("deletes nothing when nobody can be asked, unless told so", (context) => {
  const project = smallProject({ ".row/secrets.json": "{}" });
  context.onTestFinished(project.remove);
  const main = resolve(import.meta.dirname, "../../cli/src/main.ts");
  const env = { ...process.env, ROW_ROOT: project.root, ROW_STATE_DIR: "" };
  const reset = (...args: string[]) => spawnSync(process.execPath, [main, "reset", ...args], { env, encoding: "utf8" });
  const refused = reset();
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^Nobody can be asked whether to delete all data in .*: say so with --yes\n$/);
  assert.ok(existsSync(`${project.stateDir}/secrets.json`));
  assert.equal(reset("--yes").status, 0);
  assert.ok(!existsSync(project.stateDir));
});

test("a misspelled command is told what it may mean, in three lines", () => {
  const main = resolve(import.meta.dirname, "../../cli/src/main.ts");
  const { status, stderr } = spawnSync(process.execPath, [main, "statu"], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^error: unknown command 'statu'\n\(Did you mean .*status.*\)\n\(row --help lists the commands\)\n$/,
  );
});

test("says why state cannot be kept in a folder, and how to choose another", (context) => {
  const project = smallProject({ file: "not a folder" });
  context.onTestFinished(project.remove);
  assert.throws(() => prepareStateDir(`${project.root}/file/.row`), /^RowError: Cannot keep state in .*ROW_STATE_DIR/);
});
