// Builds the images of some services from the Dockerfile and tries them on a real Docker engine (tests/image/containers.ts).
// Where none answers and none can be started it says so in one line, and nothing fails.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { baseImage } from "./image/base-image.ts";
import { Engine } from "./image/engine.ts";

/** One with a native package, one with a database client of Prisma's, and the one that has neither and calls both. */
const SERVICES = ["auth", "catalog", "edge"];
const REPOSITORY = "canary-row-check";

const root = resolve(import.meta.dirname, "..");
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort());

const found = await Engine.find();
if (typeof found === "string") console.log(`Images are not checked: ${found}`);
else process.exitCode = await check(found);

async function check(engine: Engine): Promise<number> {
  const images: string[] = [];
  try {
    const base = await baseImage(engine);
    console.log(`on ${base}, Docker ${await engine.docker(["version", "--format", "{{.Server.Version}}"])}`);
    const targets = [
      ...SERVICES.map((service) => ({ service, target: "production" })),
      { service: "edge", target: "dev" },
    ];
    for (const { service, target } of targets) {
      interrupted.signal.throwIfAborted();
      images.push(await build(engine, base, service, target));
    }
    return await tryOut(engine);
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    if (!engine.isOurs) await engine.docker(["image", "rm", "--force", ...images]).catch(() => {});
    await engine.stop();
  }
}

async function build(engine: Engine, base: string, service: string, target: string): Promise<string> {
  const began = performance.now();
  const image = `${REPOSITORY}/${service}:${target}`;
  const what = ["--build-arg", `NODE_IMAGE=${base}`, "--build-arg", `SERVICE=${service}`, "--target", target];
  // The Dockerfile names no proxy: Docker knows these arguments by itself.
  const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].flatMap((name) =>
    process.env[name] ? ["--build-arg", name] : [],
  );
  await engine.docker(["build", ...what, ...proxies, "--network", "host", "--tag", image, root]);
  const bytes = Number(await engine.docker(["image", "inspect", "--format", "{{.Size}}", image]));
  const seconds = Math.round((performance.now() - began) / 1_000);
  console.log(`${image}: ${Math.round(bytes / 1e6)} MB, built in ${seconds} s`);
  return image;
}

async function tryOut(engine: Engine): Promise<number> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...(engine.host ? { DOCKER_HOST: engine.host } : {}),
    ROW_IMAGES: JSON.stringify({ repository: REPOSITORY, services: SERVICES }),
  };
  const tests = spawn("vitest", ["run", "--project", "images"], { cwd: root, env, stdio: "inherit" });
  interrupted.signal.addEventListener("abort", () => tests.kill());
  const [code] = await once(tests, "close");
  return code ?? 1;
}
