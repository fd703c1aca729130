/**
 * Asks the registry for known vulnerabilities of what is installed, as `npm audit` does. One that does not answer such questions, or that
 * cannot be reached, says nothing: that is told in one line and is no pass.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const SEVERE = ["high", "critical"];

interface Vulnerability {
  readonly severity: string;
  readonly range: string;
}

const { stdout, error } = spawnSync("npm", ["audit", "--json"], {
  cwd: join(import.meta.dirname, ".."),
  encoding: "utf8",
  timeout: 120_000,
});
const { vulnerabilities, message } = read(stdout);
if (error || !vulnerabilities) {
  const why = error?.message ?? message ?? "npm audit said nothing";
  console.log(`skipped: not available, the registry tells of no vulnerabilities: ${why.split("\n")[0]}`);
} else {
  const severe = Object.entries(vulnerabilities).filter(([, { severity }]) => SEVERE.includes(severity));
  for (const [name, { severity, range }] of severe) console.error(`${name} ${range}: ${severity}`);
  if (severe.length > 0) {
    console.error("Cannot pass: `npm audit` says of each what it is about and which version is without it");
    process.exit(1);
  }
  console.log("no package that is installed has a vulnerability known as high or critical");
}

function read(text: string): {
  readonly vulnerabilities?: Readonly<Record<string, Vulnerability>>;
  readonly message?: string;
} {
  try {
    return JSON.parse(text); // as npm documents it
  } catch {
    return {};
  }
}
