/** The pods of a cluster, as far as one looks at them here. */
import { NAME_LABEL, VERSION_LABEL } from "@row/runtime/names.ts";
import type { Kubectl } from "./kubectl.ts";

export interface LivePod {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly containers: readonly { readonly name: string }[];
    readonly initContainers?: readonly { readonly name: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Of the shop, or those with a label. */
export async function readPods(kubectl: Kubectl, ...selector: string[]): Promise<LivePod[]> {
  const { items }: { items: LivePod[] } = JSON.parse(await kubectl.run("get", "pods", ...selector, "-o", "json"));
  return items;
}

export function isReady({ status }: LivePod): boolean {
  return status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

export function versionOf({ metadata }: LivePod): string {
  return metadata.labels?.[VERSION_LABEL] ?? "";
}

export function serviceOf({ metadata }: LivePod): string {
  return metadata.labels?.[NAME_LABEL] ?? "";
}
