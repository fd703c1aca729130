/** Response messages as proto3 JSON. */
import { type DescMessage, fromBinary, toJson } from "@bufbuild/protobuf";
import { registry } from "@row/runtime/contract.ts";
import type { Binding } from "./binding.ts";
import { jsonText } from "./json/text.ts";
import { type AnswerForm, PLAIN } from "./system-parameters.ts";

const INDENT = 2;

/** The JSON text that answers a REST request. */
export function responseJson({ contract, responseBody }: Binding, answer: Buffer, form: AnswerForm = PLAIN): string {
  const { output } = contract.descriptor;
  const isPlain = !responseBody && !form.hasNumericEnums && !form.isPretty;
  const text = isPlain ? jsonText(output, answer) : undefined;
  if (text !== undefined) return text;
  return JSON.stringify(
    answerValue(output, responseBody?.jsonName, answer, form),
    undefined,
    form.isPretty ? INDENT : 0,
  );
}

/** The resume token of a streamed message; undefined where the message has none. */
export function resumeTokenOf({ contract }: Binding, answer: Buffer): string | undefined {
  const { output } = contract.descriptor;
  if (!output.field.resumeToken) return undefined;
  const message: unknown = fromBinary(output, answer);
  const token = (message as Record<string, unknown>).resumeToken; // the descriptor has the field
  return typeof token === "string" && token !== "" ? token : undefined;
}

function answerValue(output: DescMessage, only: string | undefined, answer: Buffer, form: AnswerForm): unknown {
  // Zero values are written, so that `state`, `available` and `nextPageToken` are always there; absent messages are left out.
  const options = { alwaysEmitImplicit: true, registry, enumAsInteger: form.hasNumericEnums };
  const json = toJson(output, fromBinary(output, answer), options);
  if (only === undefined) return json;
  return typeof json === "object" && json !== null && only in json ? (json as Record<string, unknown>)[only] : {};
}
