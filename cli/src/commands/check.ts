/** `row check`: a doctor for the machine, the shop and its mesh, here or in a cluster. */
import type { Finding } from "@row/laptop/checkup/finding.ts";
import { Command } from "commander";
import { bad, good, lesser, warning } from "../colours.ts";
import { table } from "../table.ts";
import type { Target } from "../target.ts";

export function checkCommand(target: () => Target): Command {
  return new Command("check")
    .description("look for what keeps a shop from working, and say what to do; exit status 1 when something does")
    .option("--json", "print JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const findings = await target().check();
      if (findings.some(({ outcome }) => outcome === "bad")) process.exitCode = 1;
      console.log(json ? JSON.stringify({ findings }, null, 2) : render(findings));
    });
}

const SIGNS = { good: good("✓"), warning: warning("!"), bad: bad("✗") };

export function render(findings: readonly Finding[]): string {
  const lines = table(findings.map(({ subject, outcome, says }) => [SIGNS[outcome], subject, says]));
  const indent = 3 + Math.max(...findings.map(({ subject }) => subject.length)) + 2;
  return findings
    .flatMap(({ advice }, index) => [lines[index], ...(advice ? [lesser(`${" ".repeat(indent)}→ ${advice}`)] : [])])
    .join("\n");
}
