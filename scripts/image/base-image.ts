import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Engine } from "./engine.ts";

const root = resolve(import.meta.dirname, "../..");

/** The Dockerfile's own base where it can be had, else a stand-in made of this machine's Debian. Answers the image's name. */
export async function baseImage(engine: Engine): Promise<string> {
  const named = /^ARG NODE_IMAGE=(.+)$/m.exec(readFileSync(join(root, "Dockerfile"), "utf8"))?.[1] ?? "";
  try {
    await engine.docker(["pull", "--quiet", named]);
    return named;
  } catch {
    const name = `canary-row-check/node:${process.versions.node}`;
    const isThere = engine.docker(["image", "inspect", name]).then(
      () => true,
      () => false,
    );
    if (!(await isThere)) await standIn(engine, name);
    return name;
  }
}

async function standIn(engine: Engine, name: string): Promise<void> {
  if (!existsSync("/usr/bin/dpkg-query") || process.getuid?.() !== 0) {
    throw new Error("Cannot make a base image: no registry answers, and only root on a Debian can do without");
  }
  const folder = mkdtempSync(join(tmpdir(), "row-base-image-"));
  try {
    execFileSync("bash", [
      join(import.meta.dirname, "stand-in-base.sh"),
      `${folder}/root`,
      process.execPath,
      npmFolder(),
    ]);
    execFileSync("tar", ["--directory", `${folder}/root`, "--create", "--file", `${folder}/root.tar`, "."]);
    // npm reaches its registry from here, so it does from there with the same settings.
    const settings = ["NODE_EXTRA_CA_CERTS"].flatMap((name) =>
      process.env[name] ? ["--change", `ENV ${name}=/etc/ssl/certs/ca-certificates.crt`] : [],
    );
    await engine.docker(["import", ...settings, `${folder}/root.tar`, name]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// The machine's own: the project brings a Node, and no npm.
function npmFolder(): string {
  const found = (process.env.PATH ?? "")
    .split(":")
    .map((folder) => join(folder, "npm"))
    .find((path) => existsSync(path));
  if (!found) throw new Error("Cannot make a base image: npm is not on PATH");
  return dirname(dirname(realpathSync(found)));
}
