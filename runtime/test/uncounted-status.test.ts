/**
 * What a caller did wrong, and trouble elsewhere, must not count against who answers. Linkerd counts UNKNOWN, DEADLINE_EXCEEDED,
 * PERMISSION_DENIED, INTERNAL, UNAVAILABLE and DATA_LOSS (linkerd2-proxy `proxy/client-policy/src/grpc.rs`, Codes::default).
 */
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { test } from "vitest";
import { DomainError, type ErrorKind } from "../src/domain-error.ts";
import { RpcError, toAnswer } from "../src/rpc/status.ts";

const COUNTED = [
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.PERMISSION_DENIED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
];
const NOT_OUR_FAULT: Readonly<Record<Exclude<ErrorKind, "unavailable" | "too-late">, status>> = {
  invalid: status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  "not-found": status.NOT_FOUND,
  "already-exists": status.ALREADY_EXISTS,
  refused: status.FAILED_PRECONDITION,
  aborted: status.ABORTED,
  exhausted: status.RESOURCE_EXHAUSTED,
  "caller-gone": status.CANCELLED,
  "cut-short": status.DEADLINE_EXCEEDED,
  dependency: status.UNAVAILABLE,
};

for (const [kind, meant] of Object.entries(NOT_OUR_FAULT)) {
  test(`"${kind}" counts nowhere, and whoever called is told ${status[meant]}`, () => {
    const reason = kind === "cut-short" ? "DEADLINE_EXCEEDED" : "CONFLICT";
    const { status: sent } = toAnswer(new DomainError(kind as ErrorKind, reason, "Cannot do it"), "c-1");
    assert.ok(!COUNTED.includes(sent.code), status[sent.code]);
    const read = new RpcError("/a.B/C", sent);
    assert.deepEqual([read.code, read.reason], [meant, reason]);
  });
}

for (const meant of [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED, status.RESOURCE_EXHAUSTED]) {
  test(`a called service that answers ${status[meant]} is a dependency's trouble, and is not passed on as ours`, () => {
    const { metadata } = toAnswer(new DomainError("refused", "CONFLICT", ""), "c-1").status;
    const { status: sent, reason } = toAnswer(new RpcError("/a.B/C", { code: meant, details: "", metadata }), "c-1");
    assert.deepEqual([sent.code, reason], [status.ABORTED, "DEPENDENCY_UNAVAILABLE"]);
  });
}
