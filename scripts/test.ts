// Runs every test there is, two files at a time, and ends with one line: N passed, N failed. `npm test -- journey` runs
// the files whose path holds a word. Tests beside their source and of a service on its own share nothing; those across
// services, which use tests/harness/the-shop.ts, share one shop that is started here and run one after the other.
import { globSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { type FileResult, runTestFile } from "./test-file.ts";

const root = resolve(import.meta.dirname, "..");
const words = process.argv.slice(2);
const SHOP_PORT_BASE = 27_000;
const startedAt = Date.now();

const files = globSync("**/*.test.ts", { cwd: root, exclude: ["**/node_modules/**", "gen/**"] })
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .sort();
const needsShop = (file: string) => readFileSync(join(root, file), "utf8").includes("harness/the-shop.ts");
const isBesideItsSource = (file: string) => file.includes("/src/");
const onTheShop = files.filter(needsShop);
const onTheirOwn = files.filter((file) => !needsShop(file));
// Quick ones first, so that a broken rule shows at once; then what takes longest.
const waiting = [
  ...onTheirOwn.filter(isBesideItsSource),
  ...onTheirOwn.filter((file) => !isBesideItsSource(file) && file.startsWith("tests/")),
  ...onTheirOwn.filter((file) => !isBesideItsSource(file) && !file.startsWith("tests/")),
];

const results: FileResult[] = [];
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort());

await Promise.all([runOnTheShop().then(runWaiting), runWaiting()]);
report();

async function runWaiting(): Promise<void> {
  for (let file = waiting.shift(); file && !interrupted.signal.aborted; file = waiting.shift()) await runFile(file);
}

async function runOnTheShop(): Promise<void> {
  if (onTheShop.length === 0) return;
  const shop = await startTheShop();
  if (!shop) return;
  const { stateDir, portBase } = shop.installation;
  process.env.ROW_TEST_SHOP = JSON.stringify({ stateDir, portBase });
  try {
    for (const file of onTheShop) if (!interrupted.signal.aborted) await runFile(file);
  } finally {
    await shop.destroy();
  }
}

async function startTheShop(): Promise<Shop | undefined> {
  const began = Date.now();
  const stateDir = mkdtempSync(join(tmpdir(), "row-test-shop-"));
  try {
    const shop = await startShop({ stateDir, portBase: SHOP_PORT_BASE, signal: interrupted.signal });
    console.log(`· the shop serves after ${seconds(Date.now() - began)}`);
    return shop;
  } catch (error) {
    const failure = { name: "the shop starts", text: error instanceof Error ? error.message : String(error) };
    for (const file of onTheShop) {
      results.push({ file, passed: 0, failures: [failure], skipped: [], ms: 0, output: "" });
      print(results.at(-1));
    }
    return undefined;
  }
}

async function runFile(file: string): Promise<void> {
  const result = await runTestFile(root, file, interrupted.signal);
  results.push(result);
  print(result);
}

function print(result: FileResult | undefined): void {
  if (!result) return;
  const { file, passed, failures, skipped, ms, output } = result;
  const counts = [
    `${passed} passed`,
    ...(failures.length > 0 ? [`${failures.length} failed`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
  ];
  console.log(`${failures.length > 0 ? "✖" : "✔"} ${file.padEnd(58)} ${counts.join(", ")} (${seconds(ms)})`);
  for (const { name, reason } of skipped) console.log(`    skipped: ${name}: ${reason}`);
  for (const { name, text } of failures) console.log(indent(`${name}\n${indent(text)}`));
  if (failures.length > 0 && output) console.log(indent(`its output ends with\n${indent(output)}`));
}

function report(): void {
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failures.length, 0);
  if (interrupted.signal.aborted) console.log("Interrupted: not every file ran");
  else if (passed + failed === 0) console.log(`There is no test${words.length > 0 ? ` in ${words.join(", ")}` : ""}`);
  if (failed > 0) {
    console.log("\nWhat failed:");
    for (const { file, failures } of results) for (const { name } of failures) console.log(`  ${file}: ${name}`);
  }
  console.log(`\n${results.length} files in ${seconds(Date.now() - startedAt)}`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 || interrupted.signal.aborted ? 1 : 0;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function indent(text: string): string {
  return text.replace(/^/gm, "    ");
}
