/** The OpenAPI 3.1 description of the REST interface, from the routes that are served. */
import { StatusSchema } from "@row/gen/es/google/rpc/status_pb.ts";
import type { Binding } from "../rest/binding.ts";
import { closeRequests } from "./closed-requests.ts";
import { readComments } from "./comments.ts";
import type { Schema } from "./json-schema.ts";
import { operation } from "./operation.ts";
import { OpenApiPaths } from "./paths.ts";
import { Schemas } from "./schema.ts";

export function openApiDocument(bindings: readonly Binding[]): Schema {
  const comments = readComments();
  const schemas = new Schemas(comments);
  const paths: Record<string, Schema> = {};
  const names = new OpenApiPaths();
  const unsayable: string[] = [];
  for (const binding of bindings) {
    const { path, parameters } = names.of(binding);
    const method = binding.httpMethod.toLowerCase();
    if (!METHODS.has(method)) {
      unsayable.push(`${binding.httpMethod} ${binding.path}`);
      continue;
    }
    paths[path] = { ...paths[path], [method]: operation(binding, parameters, schemas, comments) };
  }
  closeRequests(paths, schemas.components);
  const services = [...new Set(bindings.map(({ contract }) => contract.descriptor.parent))];
  const error = errorResponse(schemas);
  return {
    openapi: "3.1.0",
    info: {
      title: "Canary Row",
      version: "v1",
      description: [DESCRIPTION, ...noteOf(unsayable)].join("\n"),
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: services.map(({ typeName }) => ({ name: typeName, description: comments.get(typeName) ?? "" })),
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
Of Google's system parameters \`$alt=json\`, \`$alt=json;enum-encoding=int\` and \`$prettyPrint\` are honoured; \`$fields\` is ignored: answers are always whole.
The same RPCs are served as Connect and gRPC-Web here, and as gRPC on the h2c port.`;

/** The methods that an OpenAPI 3.1 path can have. */
const METHODS: ReadonlySet<string> = new Set(["get", "put", "post", "delete", "options", "head", "patch", "trace"]);

function noteOf(unsayable: readonly string[]): string[] {
  if (unsayable.length === 0) return [];
  return [`Served too, with methods that OpenAPI 3.1 cannot describe: ${unsayable.join(", ")}.`];
}

function errorResponse(schemas: Schemas): Schema {
  return {
    description:
      "What went wrong: google.rpc.Status, with google.rpc.ErrorInfo (reason) and google.rpc.BadRequest (fields) among its details.",
    content: { "application/json": { schema: schemas.message(StatusSchema) } },
  };
}
