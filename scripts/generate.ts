// Writes gen/: TypeScript from the contracts, the contracts as buf images, and
// a Prisma client per service that has a schema. Nothing is downloaded.
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

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

const contracts = ["--path", "proto/shop", "--path", "node_modules/google-proto-files/google/rpc/error_details.proto"];
run("buf", ["build", "--exclude-source-info", "-o", "gen/contracts.binpb", ...contracts]);
run("buf", ["build", "-o", "gen/contracts-with-comments.binpb", ...contracts]);

for (const schema of globSync("{runtime,services/*}/prisma/schema.prisma", { cwd: root })) {
  const isForClient = existsSync(join(root, dirname(schema), "..", "service.yaml"));
  // prisma generate asks for a schema engine that it never runs.
  if (isForClient) run("prisma", ["generate", "--schema", schema], { PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true" });
}
