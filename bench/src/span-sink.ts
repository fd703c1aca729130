// Takes what the shop exports over OTLP, as a collector would, counts the spans and throws them away.
import { createServer } from "node:http";
import { ready } from "./ready.ts";
import { variable } from "./variable.ts";

/** Every span has it once, whatever else is in it. */
const SPAN_MARK = Buffer.from('"startTimeUnixNano"');

let spans = 0;

const server = createServer((request, response) => {
  if (request.method === "GET") {
    response.end(String(spans));
    return;
  }
  const isTraces = request.url === "/v1/traces";
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => isTraces && chunks.push(chunk));
  request.on("end", () => {
    spans += count(Buffer.concat(chunks), SPAN_MARK);
    response.setHeader("content-type", "application/json");
    response.end("{}");
  });
});
server.listen(Number(variable("PORT")), "127.0.0.1", ready);

function count(body: Buffer, mark: Buffer): number {
  let found = 0;
  for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + mark.length)) found += 1;
  return found;
}
