#!/usr/bin/env node
/** Runs the command line on the Node that the project brings, whichever Node the machine has. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PINNED_MAJOR = 26;
const main = new URL("../src/main.ts", import.meta.url);
const pinned = fileURLToPath(new URL("../../node_modules/.bin/node", import.meta.url));

if (Number.parseInt(process.versions.node, 10) >= PINNED_MAJOR) await import(main.href);
else if (existsSync(pinned)) runOn(pinned);
else {
  console.error(`Cannot run on Node ${process.versions.node}: run "npm ci", which brings Node ${PINNED_MAJOR}`);
  process.exitCode = 1;
}

/** @param {string} node */
function runOn(node) {
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: "inherit" });
  // Whoever ends this process means that one, which has a shop to stop in order.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("error", ({ message }) => {
    console.error(`Cannot run ${node}: ${message}`);
    process.exitCode = 1;
  });
  child.once("exit", (code, signal) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(name);
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code ?? 1;
  });
}
