/** Response messages as proto3 JSON. */
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { registry } from "@row/runtime/contract.ts";
import type { Binding } from "./binding.ts";
import { jsonText } from "./json-text.ts";

/** Zero values are written, so that `state`, `available` and `nextPageToken` are always there; absent messages are left out. */
const OPTIONS = { alwaysEmitImplicit: true, registry };

/** The JSON text that answers a REST request. */
export function responseJson({ contract, responseBody }: Binding, answer: Buffer): string {
  const { output } = contract.descriptor;
  const text = responseBody ? undefined : jsonText(output, answer);
  return text ?? JSON.stringify(responseValue(output, responseBody?.jsonName, answer));
}

/** The resume token of a streamed message; undefined where the message has none. */
export function resumeTokenOf({ contract }: Binding, answer: Buffer): string | undefined {
  const { output } = contract.descriptor;
  if (!output.field.resumeToken) return undefined;
  const message: unknown = fromBinary(output, answer);
  const token = (message as Record<string, unknown>).resumeToken; // the descriptor has the field
  return typeof token === "string" && token !== "" ? token : undefined;
}

function responseValue(output: Parameters<typeof fromBinary>[0], only: string | undefined, answer: Buffer): unknown {
  const json = toJson(output, fromBinary(output, answer), OPTIONS);
  if (only === undefined) return json;
  return typeof json === "object" && json !== null && only in json ? (json as Record<string, unknown>)[only] : {};
}
