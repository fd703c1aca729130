/** The plan of the house: which workspace stands on which, and that no two files need each other. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";
import { test } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** What the sources of a workspace may import besides their own; whatever tests, measures or checks may import anything. */
const FOUNDATIONS: Readonly<Record<string, readonly string[]>> = {
  runtime: ["gen"],
  topology: ["gen", "runtime"],
  mesh: ["gen", "runtime", "topology"],
  load: ["topology"],
  laptop: ["gen", "runtime", "topology", "mesh", "load"],
  k8s: ["gen", "runtime", "topology", "mesh"],
  cli: ["gen", "runtime", "topology", "mesh", "load", "laptop", "k8s"],
  edge: ["gen", "runtime"],
  services: ["gen", "runtime"],
};
/** Of the contracts, what the runtime may know: a product's messages are its service's own. */
const KNOWN_TO_RUNTIME =
  /^@row\/gen\/(contracts(-with-comments)?\.binpb|health\.binpb|reasons\.ts|(es|grpc)\/(google|buf|shop\/(options|auth))\/)/;

const IMPORT = /(?:\bfrom|\bimport|\bimport\(|\bimport\.meta\.resolve\()\s*["'`]([^"'`\n]+)["'`]/g;

/** Every source and test of the project, with the text of what it imports. */
const files = new Map(
  globSync("**/*.ts", { cwd: root, exclude: ["**/node_modules/**", "gen/**", ".row/**"] }).map((file) => [
    file,
    [...readFileSync(join(root, file), "utf8").matchAll(IMPORT)].flatMap(([, specifier = ""]) => specifier),
  ]),
);

/** Where the exports of a workspace lie, by its name without "@row/". */
const exported = new Map(
  globSync("{*,services/*}/package.json", { cwd: root, exclude: ["node_modules/**"] }).map((file) => {
    const { name, exports } = JSON.parse(readFileSync(join(root, file), "utf8"));
    return [
      String(name).replace("@row/", ""),
      join(dirname(file), String(exports?.["./*"] ?? "./*").replace("/*", "")),
    ];
  }),
);

/** The file that is imported, from the project's root; undefined for a package of others. */
function imported(file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return normalize(join(dirname(file), specifier));
  const [, workspace = "", path = ""] = /^@row\/([^/]+)\/(.+)$/.exec(specifier) ?? [];
  const folder = exported.get(workspace);
  return folder === undefined ? undefined : join(folder, path);
}

/** "services/orders" and "mesh" */
function workspaceOf(file: string): string {
  return file
    .split("/")
    .slice(0, file.startsWith("services/") ? 2 : 1)
    .join("/");
}

test("no files import each other in a circle", () => {
  const waiting = new Set<string>();
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string) => {
    if (done.has(file)) return;
    if (waiting.has(file)) {
      const path = [...waiting];
      circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      return;
    }
    waiting.add(file);
    for (const specifier of files.get(file) ?? []) {
      const next = imported(file, specifier);
      if (next !== undefined && files.has(next)) visit(next);
    }
    waiting.delete(file);
    done.add(file);
  };
  for (const file of files.keys()) visit(file);
  assert.ok(files.size > 800, `only ${files.size} files were looked at`);
  assert.deepEqual(circles, []);
});

test("sources import only from the workspaces that theirs stands on", () => {
  const upward: string[] = [];
  for (const [file, specifiers] of files) {
    const own = workspaceOf(file);
    const foundations = FOUNDATIONS[own.split("/")[0] ?? ""];
    if (!foundations || file.endsWith(".test.ts") || file.includes("/test/")) continue;
    for (const specifier of specifiers) {
      const target = imported(file, specifier);
      if (target === undefined) continue;
      const other = workspaceOf(target);
      if (other !== own && !foundations.includes(other)) upward.push(`${file} imports ${specifier}`);
    }
  }
  assert.deepEqual(upward, []);
});

test("every workspace of the project has its place in the plan, or only tests and measures", () => {
  const { workspaces } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const names: string[] = workspaces.map((name: string) => name.replace("/*", ""));
  const onTop = ["gen", "bench", "tests"];
  assert.deepEqual(
    names.filter((name) => !FOUNDATIONS[name] && !onTop.includes(name)),
    [],
  );
});

test("the runtime knows no product", () => {
  const products = [...files]
    .filter(([file]) => file.startsWith("runtime/src/") && !file.endsWith(".test.ts"))
    .flatMap(([file, specifiers]) => specifiers.map((specifier) => ({ file, specifier })))
    .filter(({ specifier }) => specifier.includes("/gen/") && !KNOWN_TO_RUNTIME.test(specifier));
  assert.deepEqual(products, []);
});

test("a database client is generated only where something imports it", () => {
  const clients = globSync("{services/*,bench}/prisma/schema.prisma", { cwd: root }).flatMap((schema) => {
    const [, client] =
      /^\s*output\s*=\s*"[./]*(gen\/prisma\/[^"]+)"/m.exec(readFileSync(join(root, schema), "utf8")) ?? [];
    return client ?? [];
  });
  assert.ok(clients.length > 0);
  const specifiers = [...files.values()].flat();
  const unused = clients.filter((client) => !specifiers.some((one) => one.startsWith(`@row/${client}/`)));
  assert.deepEqual(unused, []);
});

/** Where the wall clock is reckoned with all the same: what others measure by it, or moments that are kept or shown. */
const RECKONING_BY_THE_CLOCK: Readonly<Record<string, string>> = {
  "runtime/src/rpc/auth.ts": "a token says until when it holds",
  "runtime/src/rpc/client.ts": "grpc-js takes deadlines so",
  "runtime/src/rpc/inbound-call.ts": "grpc-js gives deadlines so",
  "runtime/src/rpc/reloading-client.ts": "grpc-js takes deadlines so",
  "edge/src/backend.ts": "grpc-js takes deadlines so",
  "cli/src/dynamic-client.ts": "grpc-js takes deadlines so",
  "cli/src/reflection.ts": "grpc-js takes deadlines so",
  "cli/src/cluster/check.ts": "a certificate says from when until when it holds",
  "cli/src/commands/get.ts": "a resource's age",
  "mesh/src/observer/edges.ts": "shows people when an edge was last used",
  "laptop/src/shop/pauses.ts": "until when it is held, for people",
  "laptop/src/sidecars/behaviours.ts": "until when an injected behaviour lasts, for processes and people",
  "runtime/src/behaviour/behaviour-file.ts": "until when an injected behaviour lasts",
  "laptop/src/sidecars/certificates.ts": "a certificate says from when until when it holds",
  "mesh/src/identity/trust-anchor.ts": "a certificate says from when until when it holds",
  "services/payments/src/gateway-breaker.ts": "finds out that the clock was set",
};

// It may be set while a process runs: performance.now() tells how long something takes, Postgres's now() how old what it keeps is.
test("durations are told by a clock that nobody sets", () => {
  const reckons = [...files.keys()].filter(
    (file) =>
      /^(runtime|topology|mesh|laptop|k8s|cli|edge|services\/[^/]+)\/src\//.test(file) &&
      !file.endsWith(".test.ts") &&
      /[-+<>]=? Date\.now\(\)|Date\.now\(\) [-+<>]/.test(readFileSync(join(root, file), "utf8")),
  );
  const unexplained = reckons.filter((file) => !(file in RECKONING_BY_THE_CLOCK));
  assert.deepEqual(unexplained, [], "take performance.now(), or say in RECKONING_BY_THE_CLOCK why not");
  const gone = Object.keys(RECKONING_BY_THE_CLOCK).filter((file) => !reckons.includes(file));
  assert.deepEqual(gone, [], "they do so no more: take them off the list");
});

// ts-proto 2.18.0 throws at an enum number or a field type of another version of the contract.
test("nothing that comes from outside goes through toJSON of ts-proto", () => {
  const shown = [...files.keys()].filter(
    (file) =>
      /^(runtime|edge|services\/[^/]+|cli|laptop)\/src\//.test(file) &&
      /\w\.toJSON\(/.test(readFileSync(join(root, file), "utf8")),
  );
  assert.deepEqual(shown, []);
});

// A blank in the path of a clone is %20 in a URL: node:url's fileURLToPath says where a file is.
test("no file is looked for at the path of a URL", () => {
  const wrong = [...files.keys()].filter((file) =>
    /import\.meta\.(url|resolve\([^)]*\))\)\.pathname/.test(readFileSync(join(root, file), "utf8")),
  );
  assert.deepEqual(wrong, []);
});
