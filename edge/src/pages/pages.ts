/** The pages: what this is, and the API to browse. They load nothing from elsewhere. */

import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { varyingByEncoding } from "../http/compression.ts";
import { entityTag, namesTag } from "../http/entity-tag.ts";

const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FILES = [
  { path: "/", file: import.meta.resolve("@row/edge/pages/home.html"), type: "text/html; charset=utf-8" },
  { path: "/docs", file: import.meta.resolve("@row/edge/pages/docs.html"), type: "text/html; charset=utf-8" },
  {
    path: "/pages/docs.js",
    file: import.meta.resolve("@row/edge/pages/docs.js"),
    type: "text/javascript; charset=utf-8",
  },
  { path: "/pages/style.css", file: import.meta.resolve("@row/edge/pages/style.css"), type: "text/css; charset=utf-8" },
];

const DESCRIPTION = "/openapi.json";
const ICON = "/favicon.ico";

/** Every path that is served here. */
export const PAGE_PATHS: readonly string[] = [...FILES.map(({ path }) => path), DESCRIPTION, ICON];

/** The address in the pages' examples; the one that the reader came by takes its place. */
const EXAMPLE_HOST = "localhost:8080";

/** Serves the pages and the API's description, which is made when it is first asked for: an edge at rest would go on holding what that takes. */
export function addPages(app: FastifyInstance, describe: () => string): void {
  for (const { path, file, type } of FILES) {
    const text = readFileSync(new URL(file), "utf8");
    add(app, path, () => text, type);
  }
  let description: string | undefined;
  const described = () => {
    description ??= describe();
    return description;
  };
  add(app, DESCRIPTION, described, "application/json; charset=utf-8");
  app.get(ICON, (_request, reply) => reply.code(204).send());
}

function add(app: FastifyInstance, path: string, textOf: () => string, type: string): void {
  app.get(path, (request, reply) => {
    const text = textOf();
    const isPlain = /^[\w.-]+(:\d+)?$/.test(request.host);
    const page = isPlain ? text.replaceAll(EXAMPLE_HOST, request.host) : text;
    const etag = entityTag(page);
    const vary = [reply.getHeader("vary") ?? [], varyingByEncoding("Host")].flat().join(", ");
    reply.headers({ etag, vary, "cache-control": "no-cache", "content-security-policy": PAGE_POLICY });
    if (namesTag(request.headers["if-none-match"], etag)) return reply.code(304).send();
    return reply.type(type).send(page);
  });
}
