/** One route as an OpenAPI operation. */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import type { Binding } from "../rest/binding.ts";
import { isWellKnown } from "../rest/json/explain.ts";
import { takesText } from "../rest/text-value.ts";
import type { Comments } from "./comments.ts";
import type { Schema } from "./json-schema.ts";
import type { PathParameter } from "./paths.ts";
import { isRequired, mustBeSent } from "./rules.ts";
import type { Schemas } from "./schema.ts";

/** How deep query parameters are written out: "a.b.c". */
const MAX_QUERY_DEPTH = 4;

export function operation(
  binding: Binding,
  pathParameters: readonly PathParameter[],
  schemas: Schemas,
  comments: Comments,
): Schema {
  const { contract } = binding;
  const { descriptor, access } = contract;
  const comment = comments.get(`${descriptor.parent.typeName}.${descriptor.name}`) ?? "";
  const [summary = "", ...rest] = comment.split(/(?<=\.)\s/);
  const name = `${descriptor.parent.typeName.replaceAll(".", "_")}_${descriptor.name}`;
  return {
    operationId: binding.index === 0 ? name : `${name}_${binding.index}`,
    tags: [descriptor.parent.typeName],
    summary: summary.replace(/\.$/, ""),
    description: [rest.join(" ").trim(), accessText(binding)].filter((text) => text !== "").join("\n\n"),
    ...(descriptor.deprecated || descriptor.parent.deprecated ? { deprecated: true } : {}),
    security: access === Access.PUBLIC ? [{}, { accessToken: [] }] : [{ accessToken: [] }],
    parameters: [
      ...pathParameters.map((parameter) => inPath(parameter, schemas)),
      ...queryParameters(binding, schemas),
      ...headerParameters(binding),
    ],
    ...requestBody(binding, schemas),
    responses: {
      "200": success(binding, schemas),
      default: { $ref: "#/components/responses/Error" },
    },
    "x-grpc-method": contract.path,
  };
}

function accessText({ contract }: Binding): string {
  if (contract.access === Access.PUBLIC) return "Anybody may call.";
  if (contract.access === Access.SIGNED_IN) return "Any signed-in user may call.";
  return `Only users with the role ${contract.roles.join(" or ")} may call.`;
}

function inPath({ name, variable, isRest }: PathParameter, schemas: Schemas): Schema {
  const asField = variable?.variable.isOneSegment ? schemas.field(variable.leaf) : undefined;
  if (asField) {
    const { description, ...schema } = asField;
    return { name, in: "path", required: true, description, schema };
  }
  const field = variable?.fields.map(({ jsonName }) => jsonName).join(".");
  const part = field ? `Is a part of ${field}.` : "Is any one segment.";
  const description = isRest ? `${part} It may hold slashes, which OpenAPI has no way to say.` : part;
  return { name, in: "path", required: true, description, schema: { type: "string", minLength: 1 } };
}

function queryParameters({ body, contract, taken }: Binding, schemas: Schemas): Schema[] {
  if (body === "all") return [];
  return parametersOf(contract.descriptor.input, "", taken, schemas, { depth: 0, isRequired: true });
}

function parametersOf(
  message: DescMessage,
  prefix: string,
  taken: ReadonlySet<DescField>,
  schemas: Schemas,
  around: { readonly depth: number; readonly isRequired: boolean },
): Schema[] {
  return message.fields
    .filter((field) => !taken.has(field))
    .flatMap((field): Schema[] => {
      const name = `${prefix}${field.jsonName}`;
      const required = around.isRequired && isRequired(field);
      if (takesText(field)) {
        const { description, ...schema } = schemas.field(field);
        return [{ name, in: "query", required, description, schema }];
      }
      const isNested = field.fieldKind === "message" && !isWellKnown(field.message) && around.depth < MAX_QUERY_DEPTH;
      if (!isNested) return [];
      return parametersOf(field.message, `${name}.`, taken, schemas, { depth: around.depth + 1, isRequired: required });
    });
}

function headerParameters({ takesRequestId, contract }: Binding): Schema[] {
  const parameters: Schema[] = [];
  if (takesRequestId) {
    parameters.push({
      name: "Idempotency-Key",
      in: "header",
      description:
        "Names this request instead of requestId, so that a repeat gets the first answer. Another body under the same key is refused. It may stand beside a requestId that is equal, and is refused beside another.",
      schema: { type: "string", minLength: 1, maxLength: 255 },
    });
  }
  if (contract.descriptor.methodKind === "server_streaming" && contract.descriptor.input.field.resumeToken) {
    const description = "Resumes the stream after this event, as an EventSource does by itself.";
    parameters.push({ name: "Last-Event-ID", in: "header", description, schema: { type: "string" } });
  }
  return parameters;
}

function requestBody({ body, contract, taken }: Binding, schemas: Schemas): Schema {
  if (body === "none") return {};
  const { input } = contract.descriptor;
  const isOneField = typeof body === "object";
  const fields = input.fields.filter((field) => !taken.has(field));
  const schema = isOneField
    ? schemas.field(body)
    : taken.size === 0
      ? schemas.message(input)
      : schemas.object(input, fields);
  const required = isOneField ? isRequired(body) : fields.some(mustBeSent);
  return { requestBody: { required, content: { "application/json": { schema } } } };
}

function success({ contract, responseBody }: Binding, schemas: Schemas): Schema {
  const { output, methodKind } = contract.descriptor;
  const schema = responseBody ? schemas.field(responseBody) : schemas.message(output);
  if (methodKind !== "server_streaming")
    return { description: "The answer.", content: { "application/json": { schema } } };
  const description =
    "A stream: Server-Sent Events whose data is this object, or one such object a line, as Accept asks. It ends with the event `end` or `error`.";
  return { description, content: { "text/event-stream": { schema }, "application/x-ndjson": { schema } } };
}
