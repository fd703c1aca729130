import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { workspaceOf } from "../../scripts/image/contents.ts";
import { THIRD_PARTY } from "../src/images.ts";
import { core, root, shop, workloads } from "./manifests.ts";

const containers = workloads().flatMap(({ containers }) => containers);
const isOurs = (image = "") => image.startsWith("canary-row/");

test("every image of ours is of a service that the Dockerfile can build, and every service has one that runs", () => {
  const all = [...shop.meshed, ...shop.outside];
  const built = new Set(all.map(({ name }) => `canary-row/${name}:v1`));
  const workspaces = all.map(({ folder }) => folder.slice(root.length + 1));
  for (const { name } of all) assert.ok(workspaceOf(workspaces, name));
  const used = new Set(containers.map(({ image = "" }) => image).filter(isOurs));
  assert.deepEqual([...used].sort(), [...built].sort());
});

test("every other image has a version, and all come from the one registry that needs no name", () => {
  const others = containers.map(({ image = "" }) => image).filter((image) => !isOurs(image));
  assert.ok(others.length > 5);
  for (const image of others) {
    assert.ok(Object.values(THIRD_PARTY).includes(image), image);
    assert.match(image, /^([a-z]+\/)?[a-z]+:v?\d+\.\d+[a-z0-9.-]*$/);
  }
});

test("an image that is on the node is taken, for no registry has ours", () => {
  for (const { name, imagePullPolicy } of containers) assert.equal(imagePullPolicy, "IfNotPresent", name);
});

test("what our images are told to run is in them", () => {
  const commands = containers.flatMap(({ image, command }) => (isOurs(image) && command ? [{ image, command }] : []));
  assert.ok(commands.length > 5);
  for (const { image, command } of commands) {
    const [program, file = ""] = command;
    const service = [...shop.meshed].find(({ name }) => image === `canary-row/${name}:v1`);
    assert.ok(service);
    // Production has no shell.
    assert.equal(program, "node");
    const path = file.startsWith("/app/") ? join(root, file.slice("/app/".length)) : join(service.folder, file);
    assert.ok(existsSync(path), file);
  }
});

test("everything says what it is, what it belongs to, and, where it runs, whom to ask", () => {
  for (const { kind, metadata } of core()) {
    for (const label of ["name", "part-of"]) {
      assert.ok(metadata.labels?.[`app.kubernetes.io/${label}`], `${kind} ${metadata.name} ${label}`);
    }
    if (!["Deployment", "StatefulSet", "Job"].includes(kind)) continue;
    assert.ok(metadata.labels?.["app.kubernetes.io/component"], metadata.name);
    assert.ok(metadata.annotations?.["a8r.io/owner"], metadata.name);
    const source = metadata.annotations?.["a8r.io/repository"] ?? "";
    assert.ok(source && existsSync(join(root, source)), `${metadata.name} ${source}`);
  }
});
