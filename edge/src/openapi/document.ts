/** The OpenAPI 3.1 description of the REST interface, from the routes that are served. */
import { StatusSchema } from "@row/gen/es/google/rpc/status_pb.ts";
import type { Binding } from "../rest/binding.ts";
import { readComments } from "./comments.ts";
import { operation } from "./operation.ts";
import { type Schema, Schemas } from "./schema.ts";

export function openApiDocument(bindings: readonly Binding[]): Schema {
  const comments = readComments();
  const schemas = new Schemas(comments);
  const paths: Record<string, Schema> = {};
  for (const binding of bindings) {
    const path = openApiPath(binding);
    paths[path] = { ...paths[path], [binding.httpMethod.toLowerCase()]: operation(binding, schemas, comments) };
  }
  const services = [...new Set(bindings.map(({ contract }) => contract.descriptor.parent))];
  const error = errorResponse(schemas);
  return {
    openapi: "3.1.0",
    info: {
      title: "Canary Row",
      version: "v1",
      description: DESCRIPTION,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: services.map(({ name, typeName }) => ({ name, description: comments.get(typeName) ?? "" })),
    paths,
    components: {
      schemas: Object.fromEntries([...schemas.components].sort(([a], [b]) => a.localeCompare(b))),
      responses: { Error: error },
      securitySchemes: { accessToken: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
    },
  };
}

const DESCRIPTION = `An online shop made of small gRPC services. Bodies are proto3 JSON: lowerCamelCase names, 64-bit integers as strings.
Answers always have their scalars, enums and lists, zero or not; absent objects are left out. Unknown fields and parameters are refused by name.
The same RPCs are served as Connect and gRPC-Web here, and as gRPC on the h2c port.`;

/** "/v1/{name=shelves/*}" as "/v1/{name}"; the verb stays. */
function openApiPath({ path, variables }: Binding): string {
  let index = 0;
  return path.replace(/\{[^}]*\}/g, () => {
    const names = variables[index]?.fields.map(({ jsonName }) => jsonName) ?? [];
    index += 1;
    return `{${names.join(".")}}`;
  });
}

function errorResponse(schemas: Schemas): Schema {
  return {
    description:
      "What went wrong: google.rpc.Status, with google.rpc.ErrorInfo (reason) and google.rpc.BadRequest (fields) among its details.",
    content: { "application/json": { schema: schemas.message(StatusSchema) } },
  };
}
