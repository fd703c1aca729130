import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A project folder of its own, with services that do nothing but answer: what row does is the same for any service. */
export function smallProject(files: Record<string, string> = {}): { root: string; stateDir: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), "row-project-"));
  for (const [path, text] of Object.entries(files)) writeInto(root, path, text);
  return { root, stateDir: join(root, ".row"), remove: () => rmSync(root, { recursive: true, force: true }) };
}

export function writeInto(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** A service that listens, is ready, and leaves in an orderly way, noting so in its log. */
export const ANSWERING_SERVICE = `
import { createServer } from "node:http";
const listen = (address: string, answer: () => number) => {
  const [host, port] = address.split(":");
  return createServer((_request, response) => response.writeHead(answer()).end()).listen(Number(port), host);
};
listen(process.env.LISTEN_ADDRESS!, () => 200);
if (process.env.ADMIN_ADDRESS) listen(process.env.ADMIN_ADDRESS, () => 200);
process.on("SIGTERM", () => {
  console.log("left in an orderly way");
  process.exit(0);
});
`;

/** A service that gives up at once, with a message for its user. */
export const FAILING_SERVICE = `
console.log(JSON.stringify({ level: "error", msg: "Cannot start: FLAVOUR is missing" }));
process.exit(1);
`;
