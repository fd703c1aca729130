import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { codeOf, messageOf, RowError } from "./row-error.ts";

/** The contracts as `npm run generate` leaves them. */
export function loadContracts(root: string): FileRegistry {
  const file = join(root, "gen/contracts.binpb");
  try {
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)));
  } catch (error) {
    const reason = codeOf(error) === "ENOENT" ? "it does not exist" : messageOf(error);
    throw new RowError(`Cannot read ${file}: ${reason}. Make it with "npm run generate"`);
  }
}
