import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { OrderServiceService } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { freePort } from "@row/tests/harness/ports.ts";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, type TestContext, test } from "vitest";
import { connectNats } from "../src/events/nats.ts";
import { outboxBacklog } from "../src/events/relay.ts";
import { TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER } from "../src/rpc/auth.ts";
import { STOP_MS } from "../src/stop-in-time.ts";
import { eventually, log, provision, startNats, startPostgres } from "./harness.ts";

const { publicKey, privateKey } = await generateKeyPair(TOKEN_ALGORITHM, { extractable: true });
const token = await new SignJWT({ roles: ["customer"] })
  .setProtectedHeader({ alg: TOKEN_ALGORITHM, kid: "k" })
  .setSubject("u-1")
  .setIssuer(TOKEN_ISSUER)
  .setAudience(TOKEN_AUDIENCE)
  .setExpirationTime("5m")
  .sign(privateKey);
const PORTS = { grpc: await freePort(), admin: await freePort() };

let postgres: Awaited<ReturnType<typeof startPostgres>>;
let server: Awaited<ReturnType<typeof startNats>>;

beforeAll(async () => {
  [postgres, server] = await Promise.all([startPostgres(), startNats()]);
  const nats = await connectNats({ url: server.url, log });
  await provision(nats, "nobody", []);
  await nats.close();
});

afterAll(async () => {
  await Promise.all([postgres?.remove(), server?.remove()]);
});

async function start(t: Pick<TestContext, "onTestFinished">, databaseUrl: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./service-that-stops.ts", import.meta.url))], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      LISTEN_ADDRESS: `127.0.0.1:${PORTS.grpc}`,
      ADMIN_ADDRESS: `127.0.0.1:${PORTS.admin}`,
      DATABASE_URL: databaseUrl,
      NATS_URL: server.url,
      NATS_USER: "orders",
      NATS_PASSWORD: "any",
      PUBLIC_KEY: JSON.stringify({ ...(await exportJWK(publicKey)), kid: "k", alg: TOKEN_ALGORITHM }),
    },
  });
  t.onTestFinished(() => void child.kill("SIGKILL"));
  await eventually("it is ready", async () => {
    const answer = await fetch(`http://127.0.0.1:${PORTS.admin}/readyz`).catch(() => undefined);
    return answer?.status === 200;
  });
  return child;
}

/** Stops the process; its exit code, and after how many milliseconds. */
async function stopped(child: ChildProcess): Promise<{ code: unknown; ms: number }> {
  const startedAt = performance.now();
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  return { code, ms: performance.now() - startedAt };
}

test("a stop publishes what was written last, whatever else takes its time", async (t) => {
  const { url, pool } = await postgres.database("slow");
  t.onTestFinished(() => pool.end());
  const child = await start(t, url);
  const client = new Client(`127.0.0.1:${PORTS.grpc}`, credentials.createInsecure());
  t.onTestFinished(() => client.close());
  const { path, requestSerialize, responseDeserialize } = OrderServiceService.watchOrder;
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const request = { id: "019a0000-0000-7000-8000-000000000001", resumeToken: "" };
  const unread = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata);
  unread.on("error", () => {});
  await once(unread, "metadata");

  await server.stop();
  const stopping = stopped(child);
  await eventually("the stream has ended, and written", async () => (await outboxBacklog(pool)).unpublished === 1);
  await sleep(1_200);
  await server.start();
  const { code, ms } = await stopping;
  assert.deepEqual([code, (await outboxBacklog(pool)).unpublished], [0, 0]);
  assert.ok(ms < STOP_MS, `${ms} ms`);
});

test("a Postgres that stands still keeps nobody from stopping", async (t) => {
  const { url, pool } = await postgres.database("frozen");
  await pool.end();
  const child = await start(t, url);
  postgres.freeze();
  t.onTestFinished(() => postgres.thaw());
  const { code, ms } = await stopped(child);
  assert.equal(code, 0);
  assert.ok(ms < STOP_MS, `${ms} ms`);
});
