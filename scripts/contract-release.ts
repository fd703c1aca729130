import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { parse } from "yaml";
import { brokenPromises } from "./contract-promises.ts";

/** The last released contract: a buf image in the repository, so that a shallow clone without network can be checked. */
export const RELEASED = "proto/released/contract.binpb";

/** buf refuses every other idempotency level, also one that is added, which breaks nobody. */
const JUDGED_HERE = ["RPC_SAME_IDEMPOTENCY_LEVEL"];

/** What differs from the released contract in a way that breaks its clients; empty when nothing does. */
export function breakingChanges(root: string): string {
  const folder = mkdtempSync(join(tmpdir(), "contract-"));
  try {
    const current = join(folder, "current.binpb");
    buf(root, "build", "--path", "proto/shop", "-o", current);
    const { breaking } = parse(readFileSync(join(root, "buf.yaml"), "utf8"));
    // buf.yaml applies to its modules alone, and an image is none of them.
    const config = JSON.stringify({ version: "v2", breaking: { use: breaking.use, except: JUDGED_HERE } });
    const against = join(root, RELEASED);
    const shapes = buf(root, "breaking", current, "--against", against, "--exclude-imports", "--config", config);
    const promises = brokenPromises(registryOf(against), registryOf(current));
    return shapes + promises.map((one) => `${one}\n`).join("");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Implemented domains whose contracts were never released, and so are not protected. */
export function unreleasedDomains(root: string): string[] {
  const files = ourFiles(readFileSync(join(root, RELEASED)));
  const released = new Set(files.filter(({ service }) => service.length > 0).map(({ name }) => name.split("/")[1]));
  return implementedDomains(root).filter((domain) => !released.has(domain));
}

/** Writes the contracts of the implemented domains, and what they share with others, as the released one. */
export function release(root: string): string[] {
  const output = join(root, RELEASED);
  const domains = implementedDomains(root);
  const build = (paths: string[]) =>
    buf(root, "build", "--exclude-source-info", "-o", output, ...paths.flatMap((path) => ["--path", path]));
  build(domains.map((domain) => `proto/shop/${domain}`));
  // Again with everything of ours that they import: an address is part of the contract of orders.
  build(ourFiles(readFileSync(output)).map(({ name }) => `proto/${name}`));
  return domains;
}

/** Domains with both a contract and a service that runs. */
function implementedDomains(root: string): string[] {
  return readdirSync(join(root, "proto/shop"))
    .filter((domain) => existsSync(join(root, "services", domain, "service.yaml")))
    .sort();
}

function registryOf(image: string): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(image)));
}

function ourFiles(image: Uint8Array): FileDescriptorProto[] {
  return fromBinary(FileDescriptorSetSchema, image).file.filter(({ name }) => name.startsWith("shop/"));
}

/** What buf says. It ends with 100 when it found something; anything else but 0 is trouble. */
function buf(root: string, ...args: string[]): string {
  try {
    return execFileSync("buf", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  } catch (error) {
    const { status, stdout } = error as { status?: number; stdout?: string }; // what execFileSync throws
    if (status === 100 && stdout) return stdout;
    throw error;
  }
}
