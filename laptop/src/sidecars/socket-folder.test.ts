import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { makeSocketFolder, socketFolder } from "./socket-folder.ts";

const services = ["catalog", "notifications"];

test("keeps sockets in the state folder, or under a short name where its path is too long", () => {
  assert.equal(socketFolder("/home/me/shop/.row", services), "/home/me/shop/.row/run");
  const long = `/home/me/${"deep/".repeat(12)}.row`;
  assert.match(socketFolder(long, services), /^\/tmp\/row-[0-9a-f]{16}$/);
  assert.notEqual(socketFolder(long, services), socketFolder(`${long}2`, services));
});

test("every socket's path fits, the longest version, the most replicas and HAProxy's temporary name included", () => {
  for (const length of [0, 5, 10, 15, 20, 25, 30, 40, 60]) {
    const folder = socketFolder(`/${"x".repeat(length)}`, services);
    const path = `${folder}/notifications-version-1234-99/to-notifications.sock.4194304.tmp`;
    assert.ok(Buffer.byteLength(path) <= 103, path);
  }
});

test("makes the folder empty and its owner's alone, and refuses a file in its place", (context) => {
  const parent = mkdtempSync(join(tmpdir(), "row-sockets-"));
  context.onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "run");
  makeSocketFolder(folder);
  writeFileSync(join(folder, "left.sock"), "");
  makeSocketFolder(folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.throws(() => statSync(join(folder, "left.sock")), /ENOENT/);
  writeFileSync(join(parent, "file"), "");
  assert.throws(() => makeSocketFolder(join(parent, "file")), /^RowError: Cannot keep sockets in .*ROW_STATE_DIR/);
});
