import { FIRST_VERSION } from "@row/runtime/names.ts";

/** A client whose sidecar reports requests. */
export interface Pod {
  /** "orders-v1-1" */
  readonly instance: string;
  service: string;
  version: string;
  /** Lines of requests that its sidecar gave to a backend, which HAProxy counts as well. */
  lines: number;
}

/** Named by the instance until the sidecars file tells: orders-v1-1 is orders, v1. */
export function podOf(instance: string): Pod {
  const [, service = instance, version = FIRST_VERSION] = /^(.+)-(v[^-]+)-\d+$/.exec(instance) ?? [];
  return { instance, service, version, lines: 0 };
}
