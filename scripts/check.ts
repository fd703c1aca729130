// `npm run check`: every check there is, and what CI runs. Names pick some of them; --skip leaves some out.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { readFlags } from "./flags.ts";

const root = join(import.meta.dirname, "..");

/** What is checked, in the order of what is found soonest. Each is a command line for bash. */
const checks: Readonly<Record<string, string>> = {
  types: "tsc --noEmit -p .",
  style: "biome ci --colors=off .",
  unused: "knip",
  contracts:
    "buf lint && buf format --diff --exit-code proto --exclude-path proto/opentelemetry && node scripts/check-breaking.ts",
  mesh: "node scripts/mesh-files.ts --check",
  k8s: "node k8s/src/main.ts --check",
  alerts: "node scripts/check-alerts.ts",
  audit: "node scripts/check-audit.ts",
  test: "npm test",
  campaigns: "vitest run --project 'campaigns*'",
  coverage: "vitest run --project 'pure*' --coverage",
  "fresh-clone": "bash scripts/fresh-clone.sh",
  image: "node scripts/image-check.ts",
  chaos: "node tests/chaos/main.ts --sample",
  upgrade: "node tests/upgrade/main.ts",
  "new-service": "node tests/new-service/main.ts",
  "mesh-load": "node tests/mesh/load/main.ts --sample",
  bench: "node bench/src/main.ts --quick",
};

const USAGE = `npm run check [-- CHECK…] [-- --skip CHECK]

Runs every check there is, or those that are named: ${Object.keys(checks).join(", ")}.

  --skip CHECK  leave it out; may be repeated`;

const { values, positionals } = readFlags(USAGE, {
  allowPositionals: true,
  options: { skip: { type: "string", multiple: true, default: [] } },
});
const unknown = [...positionals, ...values.skip].filter((name) => !(name in checks));
if (unknown.length > 0) {
  console.error(`Cannot check ${unknown.join(", ")}: there are ${Object.keys(checks).join(", ")}`);
  process.exit(2);
}
const wanted = Object.keys(checks).filter(
  (name) => (positionals.length === 0 || positionals.includes(name)) && !values.skip.includes(name),
);

let passed = 0;
let failed = 0;
let skipped = 0;
for (const name of wanted) {
  const startedAt = performance.now();
  console.log(`\n── ${name}`);
  const { code, output } = await run(checks[name] ?? "");
  // Test runs count their tests; any other check counts as one.
  const counted = /(?:^|\n)(\d+) passed, (\d+) failed\s*$/.exec(output);
  const failures = counted ? Number(counted[2]) : 0;
  // A check that cannot be made here says so first, and why.
  const isSkipped = code === 0 && output.startsWith("skipped: ");
  skipped += isSkipped ? 1 : 0;
  passed += counted ? Number(counted[1]) : code === 0 && !isSkipped ? 1 : 0;
  failed += code !== 0 && failures === 0 ? 1 : failures;
  console.log(
    `── ${name} ${isSkipped ? "skipped" : code === 0 ? "passed" : "FAILED"} in ${Math.round((performance.now() - startedAt) / 1_000)} s`,
  );
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed + skipped > 0 ? 0 : 1);

function run(command: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const path = `${join(root, "node_modules", ".bin")}:${process.env.PATH}`;
    const child = spawn("bash", ["-o", "pipefail", "-c", command], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PATH: path },
    });
    let output = "";
    const show = (chunk: Buffer) => {
      process.stdout.write(chunk);
      output = (output + chunk.toString()).slice(-100_000);
    };
    child.stdout.on("data", show);
    child.stderr.on("data", show);
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
