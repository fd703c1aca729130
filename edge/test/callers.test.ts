import assert from "node:assert/strict";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { AuthService } from "@row/gen/es/shop/auth/v1/auth_service_pb.ts";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { EdgeUnderTest, refusal, USER_ID } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await EdgeUnderTest.start({ isBehindSidecar: true });
});
afterAll(() => edge.stop());
afterEach(() => edge.accounts.forget());

const session = { refreshToken: "r".repeat(43) };
const requests = {
  register: { email: "a@example.com", password: "correct horse battery", displayName: "A" },
  login: { email: "a@example.com", password: "correct horse battery" },
  refresh: session,
  logout: session,
};
const rpcs = ["register", "login", "refresh", "logout"] as const;

/** Asks for an RPC of auth. */
type Client = (rpc: (typeof rpcs)[number], headers: Record<string, string>) => Promise<unknown>;

function clientOver(transport: Transport): Client {
  const client = createClient(AuthService, transport);
  return (rpc, headers) => client[rpc](requests[rpc] as never, { headers }); // the request is the RPC's
}

const protocols: Record<string, () => Client> = {
  REST: () => async (rpc, headers) => {
    const sent = { ...headers, "content-type": "application/json" };
    const body = JSON.stringify(requests[rpc]);
    const answer = await edge.fetch(`/v1/auth/${rpc}`, { method: "POST", headers: sent, body });
    assert.equal(answer.status, 200, await answer.text());
  },
  Connect: () => clientOver(createConnectTransport({ baseUrl: edge.url, httpVersion: "1.1" })),
  gRPC: () => clientOver(createGrpcTransport({ baseUrl: edge.grpcUrl })),
};

for (const [protocol, client] of Object.entries(protocols)) {
  test(`opens, renews and ends a session over ${protocol}, whatever token is attached`, async () => {
    const tokens = [
      await edge.auth.tokenFor({ expiresIn: -60 }),
      await edge.auth.tokenFor({ foreignKey: true }),
      "x y",
    ];
    for (const rpc of rpcs) {
      edge.accounts.on(rpc, () => ({}));
      for (const token of tokens) {
        await client()(rpc, { authorization: `Bearer ${token}`, "idempotency-key": "1" });
      }
    }
    assert.equal(edge.accounts.received.length, 12);
    // A bad token is nobody's, and stays here.
    for (const { metadata } of edge.accounts.received) assert.deepEqual(metadata.get("authorization"), []);
  });

  test(`says over ${protocol} who ends a session, when the token is good`, async () => {
    edge.accounts.on("logout", () => ({}));
    const authorization = `Bearer ${await edge.auth.tokenFor()}`;
    await client()("logout", { authorization });
    assert.deepEqual(edge.accounts.received[0]?.metadata.get("authorization"), [authorization]);
  });

  test(`takes the same Idempotency-Key for another request from another address over ${protocol}`, async () => {
    edge.accounts.on("register", () => ({}));
    const call = client();
    for (const address of ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.1, 10.0.0.2"]) {
      await call("register", { "idempotency-key": "1", "x-forwarded-for": address });
    }
    const [first, again, other, claimed] = requestIds();
    assert.equal(first, again);
    assert.notEqual(first, other);
    assert.equal(claimed, other, "only the last address is one that the sidecar has seen");
  });
}

test("takes the same Idempotency-Key for the same request over every protocol", async () => {
  edge.accounts.on("register", () => ({}));
  const token = await edge.auth.tokenFor({ id: USER_ID });
  for (const client of Object.values(protocols)) {
    await client()("register", { "idempotency-key": "1", "x-forwarded-for": "10.0.0.1" });
    await client()("register", { "idempotency-key": "1", authorization: `Bearer ${token}` });
  }
  assert.equal(requestIds().length, 6);
  assert.equal(new Set(requestIds()).size, 2, "that of the stranger and that of the user");
});

test("does not blame the access token for a refresh token that is refused", async () => {
  edge.accounts.on("refresh", () => {
    throw refusal("unauthenticated", "REFRESH_TOKEN_INVALID", "Cannot refresh the session: sign in again");
  });
  const answer = await edge.send("POST", "/v1/auth/refresh", session);
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="shop"');
});

function requestIds(): string[] {
  return edge.accounts.received.map((_, index) => edge.accounts.requestAt<{ requestId: string }>(index).requestId);
}
