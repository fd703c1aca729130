/** One route as an OpenAPI operation. */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import type { Binding } from "../rest/binding.ts";
import { isWellKnown } from "../rest/json-blame.ts";
import { takesText } from "../rest/text-value.ts";
import type { Comments } from "./comments.ts";
import { isRequired } from "./rules.ts";
import type { Schema, Schemas } from "./schema.ts";

/** How deep query parameters are written out: "a.b.c". */
const MAX_QUERY_DEPTH = 4;

export function operation(binding: Binding, schemas: Schemas, comments: Comments): Schema {
  const { contract } = binding;
  const { descriptor, access } = contract;
  const comment = comments.get(`${descriptor.parent.typeName}.${descriptor.name}`) ?? "";
  const [summary = "", ...rest] = comment.split(/(?<=\.)\s/);
  const name = `${descriptor.parent.name}_${descriptor.name}`;
  return {
    operationId: binding.index === 0 ? name : `${name}_${binding.index}`,
    tags: [descriptor.parent.name],
    summary: summary.replace(/\.$/, ""),
    description: [rest.join(" ").trim(), accessText(binding)].filter((text) => text !== "").join("\n\n"),
    security: access === Access.PUBLIC ? [{}, { accessToken: [] }] : [{ accessToken: [] }],
    parameters: [
      ...pathParameters(binding, schemas),
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

function pathParameters({ variables }: Binding, schemas: Schemas): Schema[] {
  return variables.map(({ fields, leaf }) => {
    const { description, ...schema } = schemas.field(leaf);
    return { name: fields.map(({ jsonName }) => jsonName).join("."), in: "path", required: true, description, schema };
  });
}

function queryParameters({ body, contract, taken }: Binding, schemas: Schemas): Schema[] {
  if (body === "all") return [];
  return parametersOf(contract.descriptor.input, "", taken, schemas, 0);
}

function parametersOf(
  message: DescMessage,
  prefix: string,
  taken: ReadonlySet<DescField>,
  schemas: Schemas,
  depth: number,
): Schema[] {
  return message.fields
    .filter((field) => !taken.has(field))
    .flatMap((field): Schema[] => {
      const name = `${prefix}${field.jsonName}`;
      if (takesText(field)) {
        const { description, ...schema } = schemas.field(field);
        return [{ name, in: "query", required: isRequired(field), description, schema }];
      }
      const isNested = field.fieldKind === "message" && !isWellKnown(field.message) && depth < MAX_QUERY_DEPTH;
      return isNested ? parametersOf(field.message, `${name}.`, taken, schemas, depth + 1) : [];
    });
}

function headerParameters({ takesRequestId, contract }: Binding): Schema[] {
  const parameters: Schema[] = [];
  if (takesRequestId) {
    parameters.push({
      name: "Idempotency-Key",
      in: "header",
      description:
        "Names this request instead of requestId, so that a repeat gets the first answer. Another body under the same key is refused.",
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
  const schema = typeof body === "object" ? schemas.field(body) : bodySchema(input, taken, schemas);
  return { requestBody: { required: true, content: { "application/json": { schema } } } };
}

function bodySchema(input: DescMessage, taken: ReadonlySet<DescField>, schemas: Schemas): Schema {
  return taken.size === 0
    ? schemas.message(input)
    : schemas.object(
        input,
        input.fields.filter((field) => !taken.has(field)),
      );
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
