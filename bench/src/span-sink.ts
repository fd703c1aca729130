// Takes what the shop exports over OTLP, as a collector would, and throws it away.
import { createServer } from "node:http";
import { ready } from "./ready.ts";
import { variable } from "./variable.ts";

let received = 0;

const server = createServer((request, response) => {
  if (request.method === "GET") {
    response.end(String(received));
    return;
  }
  if (request.url === "/v1/traces") received += 1;
  const type = request.headers["content-type"] ?? "";
  request.resume().on("end", () => {
    response.setHeader("content-type", type);
    response.end(type.includes("json") ? "{}" : "");
  });
});
server.listen(Number(variable("PORT")), "127.0.0.1", ready);
