// Tests in projects: rules without I/O, parts on stores of their own, and what shares one shop, which `npm test` runs; and what
// takes longest, which `npm run check -- campaigns` does.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { needsItsProcess } from "./tests/runner/process-state.ts";
import { pureCores } from "./tests/runner/pure-cores.ts";

const root = import.meta.dirname;
const FOREIGN = ["**/node_modules/**", "gen/**", "tests/runner/fixtures/**"];
const TESTS = "**/*.test.ts";
const BESIDE_SOURCES = "**/src/**/*.test.ts";
const CAMPAIGNS = [
  "tests/{attack,chaos,mesh,order-path}/**/*.test.ts",
  "tests/{backup,clocks,edge-restarts,start-up}.test.ts",
  "tests/experiments/{documented-commands,observation,run}.test.ts",
];
/** What takes long on stores of its own: `row` as people run it, services that are killed at each step or left alone by others. */
const LONG = [
  "cli/test/*.test.ts",
  "{edge,mesh}/test/connection-limits.test.ts",
  "edge/test/described.test.ts",
  "k8s/test/{apply-mesh,backup,tiltfile}.test.ts",
  "laptop/test/bundle.test.ts",
  "mesh/test/{split,observer/haproxy}.test.ts",
  "runtime/test/stopping.test.ts",
  "services/payments/test/{races-and-refusals,refunds}.test.ts",
  "services/*/test/{callee-away,concurrency,crash,frozen-callees,outage,saga-leases}.test.ts",
  "services/auth/test/clocks.test.ts",
  "tests/{contract-release,image/bundle}.test.ts",
];
/** What takes long on the shop that files share. */
const LONG_AT_THE_SHOP = ["tests/load.test.ts"];
const REPORTER = "./tests/runner/reporter.ts";
/** How much of the pure cores their own tests go through at least, in percent: what it was, rounded down. */
const COVERAGE_FLOOR = { statements: 95, branches: 87, functions: 94, lines: 96 };
/** A test that takes longer hangs. */
const LONGEST_MS = 240_000;

const text = (file: string) => readFileSync(join(root, file), "utf8");
const sharingAShop = globSync(TESTS, { cwd: root, exclude: [...FOREIGN, ...CAMPAIGNS] }).filter((file) =>
  text(file).includes("harness/the-shop.ts"),
);
const notToBeShared = globSync(BESIDE_SOURCES, { cwd: root, exclude: FOREIGN }).filter((file) =>
  needsItsProcess(text(file)),
);
const project = (name: string, include: string[], exclude: string[] = []) => ({
  extends: true as const,
  test: { name, include, exclude: [...FOREIGN, ...exclude] },
});
/** To start a process for each file costs more than all that the rules compute. */
const inOneProcess = (one: ReturnType<typeof project>) => ({ ...one, test: { ...one.test, isolate: false } });
/** Whole shops are started and broken here: two at a time would make each other late. */
const alone = (one: ReturnType<typeof project>) => ({ ...one, test: { ...one.test, fileParallelism: false } });
const atTheShop = (one: ReturnType<typeof project>) => ({
  ...one,
  test: {
    ...one.test,
    fileParallelism: false,
    globalSetup: ["tests/runner/run-folder.ts", "tests/runner/shared-shop.ts"],
  },
});
// Built and started by scripts/image-check.ts, which says where.
const images = process.env.ROW_IMAGES ? [project("images", ["tests/image/containers.ts"])] : [];

export default defineConfig({
  test: {
    pool: "forks",
    // Node runs the sources as it does everywhere else, not a translation of them.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // With more of them on two cores, services that have just started answer their first calls too late.
    maxWorkers: 2,
    allowOnly: false,
    testTimeout: LONGEST_MS,
    hookTimeout: LONGEST_MS,
    teardownTimeout: 60_000,
    sequence: { hooks: "list" },
    globalSetup: ["tests/runner/run-folder.ts"],
    setupFiles: ["tests/runner/own-folder.ts"],
    reporters: process.env.CI ? [REPORTER, ["junit", { outputFile: "test-results/junit.xml" }]] : [REPORTER],
    coverage: {
      provider: "v8",
      include: process.argv.some((word) => word.startsWith("--coverage")) ? pureCores(root) : [],
      reporter: ["text", "html"],
      thresholds: COVERAGE_FLOOR,
    },
    projects: [
      inOneProcess(project("pure", [BESIDE_SOURCES], [...notToBeShared, ...sharingAShop])),
      project("pure-alone", notToBeShared, sharingAShop),
      project("service", [TESTS], [BESIDE_SOURCES, ...CAMPAIGNS, ...LONG, ...sharingAShop]),
      project("campaigns-at-once", LONG),
      alone(project("campaigns", CAMPAIGNS)),
      atTheShop(project("campaigns-at-the-shop", LONG_AT_THE_SHOP)),
      atTheShop(project("shop", sharingAShop, LONG_AT_THE_SHOP)),
      ...images,
    ],
  },
});
