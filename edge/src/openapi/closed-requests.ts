/** Says of the objects in requests that unknown fields are refused; those in answers may grow. */
import type { Schema } from "./json-schema.ts";

/** Closes what request bodies hold, in place. */
export function closeRequests(paths: Readonly<Record<string, Schema>>, components: ReadonlyMap<string, Schema>): void {
  const seen = new Set<object>();
  const close = (schema: unknown): void => {
    if (!isSchema(schema) || seen.has(schema)) return;
    seen.add(schema);
    if (isSchema(schema.properties) && schema.additionalProperties !== true) {
      schema.additionalProperties = false;
      for (const property of Object.values(schema.properties)) close(property);
    }
    close(schema.items);
    close(schema.additionalProperties);
    if (typeof schema.$ref === "string") close(components.get(schema.$ref.slice("#/components/schemas/".length)));
  };
  for (const operations of Object.values(paths)) {
    for (const operation of Object.values(operations)) {
      const content =
        isSchema(operation) && isSchema(operation.requestBody) ? operation.requestBody.content : undefined;
      if (isSchema(content) && isSchema(content["application/json"])) close(content["application/json"].schema);
    }
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
