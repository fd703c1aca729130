/** Bodies that are no order, each refused as the sender's fault on a connection that then serves or says that it ends. */
import { HttpConnection } from "@row/load/http-connection.ts";
import { encode } from "@row/load/http-request.ts";
import type { SeededRandom } from "@row/load/seeded-random.ts";
import { orderOf } from "../harness/ordering.ts";
import type { Attack } from "./setting.ts";

const WITHIN_MS = 15_000;

export const refusedBody: Attack = async ({ shop, sessions, productIds }, random) => {
  const [what, body, type = "application/json"] = wrongBody(
    JSON.stringify(orderOf({ productId: productIds[0] ?? "" })),
    random,
  );
  const [, port = ""] = shop.address("edge", "http").split(":");
  const headers = {
    "content-type": type,
    authorization: `Bearer ${sessions.customer?.accessToken}`,
  };
  const post = encode({ method: "POST", path: "/v1/orders", headers, body }).join("");
  // The edge itself says what follows from nobody being signed in.
  const next = encode({ method: "GET", path: "/v1/orders", headers: {} }).join("");
  const connection = await HttpConnection.open(Number(port));
  try {
    const { status } = await connection.send(post, WITHIN_MS);
    if (status < 400 || status > 499) return [`${what} was answered ${status}`];
    if (!connection.isOpen) return [];
    const answer = await connection.send(next, WITHIN_MS);
    return answer.status === 401 ? [] : [`after ${what} its connection answers ${answer.status}`];
  } finally {
    connection.close();
  }
};

/** What it is, its text and, where it matters, its type. Characters are bytes here, below 128. */
function wrongBody(right: string, random: SeededRandom): [string, string, string?] {
  const depth = random.between(200, 20_000);
  const at = random.between(1, right.length - 2);
  return random.pick<[string, string, string?]>([
    ["a body that ends too early", right.slice(0, at)],
    ["a body with something after it", `${right}${random.pick(["}", "]", '{"a":1}', "x"])}`],
    ["a deep body", `{"items":${"[".repeat(depth)}${"]".repeat(depth)}}`],
    ["a big body", `{"paymentToken":"${"x".repeat(random.between(1_100_000, 3_000_000))}"}`],
    [
      "a body of another type",
      right,
      random.pick(["text/plain", "application/xml", "application/x-www-form-urlencoded"]),
    ],
    ["a body that is a list", `[${right}]`],
    ["a body that is text", JSON.stringify(right)],
    ["a body with an unknown field", right.replace("{", `{"f${random.between(0, 999)}":1,`)],
    ["a body with a NUL", `${right.slice(0, at)}\0${right.slice(at)}`],
    ["a protobuf body that is JSON", right, "application/proto"],
  ]);
}
