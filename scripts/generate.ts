// Writes gen/: TypeScript from the contracts, the contracts as buf images, and
// a Prisma client per schema that asks for one; then the mesh's resources from the
// contracts and every service.yaml. Nothing is downloaded.
import { execFileSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");

function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}): void {
  const bin = join(root, "node_modules", ".bin");
  execFileSync(join(bin, command), args, {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, ...env },
  });
}

mkdirSync(join(root, "gen"), { recursive: true });
run("buf", ["generate"]);
run("buf", ["generate", "--template", "buf.gen.otlp.yaml"]);

const contracts = ["--path", "proto/shop", "--path", "proto/google/rpc/error_details.proto"];
run("buf", ["build", "--exclude-source-info", "-o", "gen/contracts.binpb", ...contracts]);
run("buf", ["build", "-o", "gen/contracts-with-comments.binpb", ...contracts]);
run("buf", ["build", "node_modules/grpc-health-check/proto", "--exclude-source-info", "-o", "gen/health.binpb"]);

writeFileSync(join(root, "gen", "reasons.ts"), reasonsFile());

// Not every schema has a client: some tables are read and written by statements alone.
for (const schema of globSync("{services/*,bench}/prisma/schema.prisma", { cwd: root })) {
  if (!/^generator client /m.test(readFileSync(join(root, schema), "utf8"))) {
    // What is left of one that it had.
    rmSync(join(root, "gen", "prisma", basename(dirname(dirname(schema)))), { recursive: true, force: true });
    continue;
  }
  // prisma generate asks for a schema engine that it never runs.
  run("prisma", ["generate", "--schema", schema], { PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true" });
}

// These are committed: an `npm ci` that wrote them anew would hide from the checks that they are stale.
if (process.env.npm_lifecycle_event !== "prepare") {
  execFileSync(process.execPath, [join(root, "scripts", "mesh-files.ts")], { cwd: root, stdio: "inherit" });
}

/** Every reason of an error that the contracts know, as a type. */
function reasonsFile(): string {
  const files = globSync("proto/shop/*/v1/*_errors.proto", { cwd: root }).sort();
  const text = files.map((file) => readFileSync(join(root, file), "utf8")).join("");
  const reasons = [...text.matchAll(/ERROR_REASON_([A-Z_]+) = [1-9]/g)].map(([, reason = ""]) => reason);
  const union = [...new Set(reasons)].map((reason) => `\n  | "${reason}"`).join("");
  return `// Generated from the ErrorReason enums of the contracts.\nexport type Reason =${union};\n`;
}
