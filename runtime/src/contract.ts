/** What the contracts say, read once from the buf image that `npm run generate` writes. */

import { readFileSync } from "node:fs";
import { createFileRegistry, type DescMethod, type FileRegistry, fromBinary, getOption } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import {
  Access,
  CallClass,
  method as methodOption,
  type Role,
  RoleSchema,
} from "@row/gen/es/shop/options/v1/method_pb.ts";
import { END_USER_CARRIERS, serviceOfType } from "./names.ts";

const image = fromBinary(
  FileDescriptorSetSchema,
  readFileSync(new URL(import.meta.resolve("@row/gen/contracts.binpb"))),
);

/** Every file, message and service of the contracts, with their options. */
export const registry = createFileRegistry(image);

/** The longest time a call of each class may take, in milliseconds. */
const CALL_CLASS_MS: Readonly<Record<number, number>> = {
  [CallClass.UNSPECIFIED]: 0,
  [CallClass.FAST]: 500,
  [CallClass.NORMAL]: 2_000,
  [CallClass.SLOW]: 10_000,
  [CallClass.STREAM]: Number.POSITIVE_INFINITY,
};

/** What the contract says of one RPC. */
export interface MethodContract {
  /** Full gRPC path, "/shop.orders.v1.OrderService/PlaceOrder". */
  readonly path: string;
  /** The service that serves it, by its folder's name: "orders". */
  readonly service: string;
  readonly descriptor: DescMethod;
  /** Longest time in milliseconds; Infinity for streams. */
  readonly timeoutMs: number;
  readonly access: Access;
  /** Roles as they stand in tokens, "admin". */
  readonly roles: readonly string[];
  /** Services that may call, the edge and the toolbox included where an end user may. */
  readonly callers: ReadonlySet<string>;
  /** Whether repeating the call is harmless by its nature. */
  readonly isIdempotent: boolean;
}

/** The role's name in tokens: ROLE_ADMIN is "admin". */
export function roleName(role: Role): string {
  return (RoleSchema.value[role]?.localName ?? "").toLowerCase();
}

function methodContract(descriptor: DescMethod, verifiers: ReadonlySet<string>): MethodContract | undefined {
  const policy = getOption(descriptor, methodOption);
  if (policy.callClass === CallClass.UNSPECIFIED) return undefined;
  const service = serviceOfType(descriptor.parent.typeName);
  const callers = new Set([
    ...policy.callers,
    ...(policy.access === Access.NONE ? [] : END_USER_CARRIERS),
    ...(policy.tokenVerifiers ? [...verifiers].filter((verifier) => verifier !== service) : []),
  ]);
  return {
    path: `/${descriptor.parent.typeName}/${descriptor.name}`,
    service,
    descriptor,
    timeoutMs: CALL_CLASS_MS[policy.callClass] ?? 0,
    access: policy.access,
    roles: policy.roles.map(roleName),
    callers,
    isIdempotent: descriptor.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
  };
}

function isForEndUsers(descriptor: DescMethod): boolean {
  const { access } = getOption(descriptor, methodOption);
  return access !== Access.NONE && access !== Access.UNSPECIFIED;
}

/** The contract of every RPC of some contracts that has one, by its gRPC path and in the contracts' order. */
export function methodsIn(contracts: FileRegistry): ReadonlyMap<string, MethodContract> {
  const descriptors = [...contracts].flatMap((descriptor) => (descriptor.kind === "service" ? descriptor.methods : []));
  const verifiers = new Set(descriptors.filter(isForEndUsers).map(({ parent }) => serviceOfType(parent.typeName)));
  return new Map(
    descriptors
      .map((descriptor) => methodContract(descriptor, verifiers))
      .filter((contract) => contract !== undefined)
      .map((contract) => [contract.path, contract]),
  );
}

/** The contract of every RPC that has one, by its gRPC path. */
export const methods: ReadonlyMap<string, MethodContract> = methodsIn(registry);

/** The contract of an RPC by its gRPC path; throws for a path that has none. */
export function methodAt(path: string): MethodContract {
  const contract = methods.get(path);
  if (!contract) throw new Error(`Cannot use "${path}": the contract gives it no shop.options.v1.method`);
  return contract;
}
