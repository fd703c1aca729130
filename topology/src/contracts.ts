import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import { methodsIn } from "@row/runtime/contract.ts";
import { codeOf, messageOf, RowError } from "./row-error.ts";

const CONTRACTS = "gen/contracts.binpb";
const WITH_COMMENTS = "gen/contracts-with-comments.binpb";

/** The contracts as `npm run generate` leaves them; with their comments where somebody reads them. */
export function loadContracts(root: string, { withComments = false } = {}): FileRegistry {
  const file = join(root, withComments ? WITH_COMMENTS : CONTRACTS);
  try {
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)));
  } catch (error) {
    const reason = codeOf(error) === "ENOENT" ? "it does not exist" : messageOf(error);
    throw new RowError(`Cannot read ${file}: ${reason}. Make it with "npm run generate"`);
  }
}

/** The services with an RPC that end users may call; none in a project without contracts. */
export function servicesForEndUsers(root: string): ReadonlySet<string> {
  if (!existsSync(join(root, CONTRACTS))) return new Set();
  const methods = [...methodsIn(loadContracts(root)).values()];
  return new Set(methods.filter(({ access }) => access !== Access.NONE).map(({ service }) => service));
}
