/** What a service keeps in the Redis that never forgets is in a backup, and in the shop that is restored from it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { type Infrastructure, removeState, startInfrastructure } from "@row/laptop/stores/infrastructure.ts";
import { portBase } from "@row/tests/harness/ports.ts";
import { onTestFinished, test } from "vitest";
import { smallProject } from "../../laptop/test/small-project.ts";

const main = resolve(import.meta.dirname, "../src/main.ts");

/** What the server says to the service's own user, line by line. */
async function ask({ environmentOf }: Infrastructure, command: string): Promise<string[]> {
  const { port, username, password } = new URL(environmentOf("cart").REDIS_DURABLE_URL ?? "");
  const socket = connect(Number(port), "127.0.0.1");
  socket.write([`AUTH ${username} ${password}`, command, "QUIT", ""].join("\r\n"));
  return (await text(socket)).split("\r\n");
}

test("what is kept in Redis comes back from a backup", async () => {
  const { root, stateDir, remove } = smallProject({
    "services/cart/service.yaml": "name: cart\nport: 5055\nadminPort: 6055\nredis: [durable]\n",
  });
  const elsewhere = join(root, "elsewhere");
  onTestFinished(() => {
    for (const folder of [stateDir, elsewhere]) removeState(folder);
    remove();
  });
  const base = await portBase();
  const row = (folder: string, ...args: string[]) => {
    const env = { ...process.env, ROW_ROOT: root, ROW_STATE_DIR: folder, ROW_PORT_BASE: String(base) };
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { env, encoding: "utf8" });
    assert.equal(status, 0, stdout + stderr);
  };
  const stores = async (folder: string, work: (stores: Infrastructure) => Promise<void>) => {
    const started = await startInfrastructure({ root, stateDir: folder, portBase: base });
    await work(started).finally(() => started.stop());
  };
  await stores(stateDir, async (stores) => {
    assert.equal((await ask(stores, "SET cart:1 kept"))[1], "+OK");
  });
  const file = join(root, "shop.tar");
  row(stateDir, "backup", file);
  row(elsewhere, "restore", file);
  await stores(elsewhere, async (stores) => {
    assert.deepEqual((await ask(stores, "GET cart:1")).slice(1, 3), ["$4", "kept"]);
  });
});
