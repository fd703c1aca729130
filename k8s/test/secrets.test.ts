import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test } from "vitest";
import { core, root, shop, workloads } from "./manifests.ts";

const folder = mkdtempSync(join(tmpdir(), "row-secrets-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Keeps Secrets as files: what k8s/secrets.sh asks of kubectl, and nothing else.
const KUBECTL = `#!${process.execPath}
const { appendFileSync, existsSync, readFileSync, writeFileSync } = require("node:fs");
const args = process.argv.slice(2);
appendFileSync(process.env.CALLS, args.join(" ") + "\\n");
const words = args.filter((arg, index) => !arg.startsWith("-") && !["-n", "-o", "-f", "--type", "--patch-file"].includes(args[index - 1]));
const [verb, kind, name] = words;
const file = (secret) => process.env.STORE + "/" + secret + ".json";
const input = () => JSON.parse(readFileSync(0, "utf8"));
if (kind === "namespace") process.exit(0);
else if (verb === "get" && kind === "secret") {
  if (!existsSync(file(name))) process.exit(0);
  const { data } = JSON.parse(readFileSync(file(name), "utf8"));
  const template = args.find((arg) => arg.startsWith("go-template="));
  const key = template && /index .data "([^"]+)"/.exec(template)[1];
  if (!key) console.log("secret/" + name);
  else process.stdout.write(Buffer.from(data[key] ?? "", "base64").toString());
} else if (verb === "create") {
  const secret = input();
  if (existsSync(file(secret.metadata.name))) throw new Error("AlreadyExists");
  writeFileSync(file(secret.metadata.name), JSON.stringify(secret));
} else if (verb === "patch") {
  const secret = JSON.parse(readFileSync(file(name), "utf8"));
  writeFileSync(file(name), JSON.stringify({ ...secret, data: { ...secret.data, ...input().data } }));
} else throw new Error("kubectl " + args.join(" "));
`;
const bin = join(folder, "bin");
const store = join(folder, "store");
for (const path of [bin, store]) mkdirSync(path);
writeFileSync(join(bin, "kubectl"), KUBECTL, { mode: 0o755 });

function run(table?: string): string {
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    STORE: store,
    CALLS: join(folder, "calls"),
    ...(table ? { ROW_SECRETS_TABLE: table } : {}),
  };
  return execFileSync("sh", [join(root, "k8s/secrets.sh")], { env, encoding: "utf8" });
}

/** What the Secrets hold, by "secret/key". */
function held(): Map<string, string> {
  return new Map(
    readdirSync(store).flatMap((file) => {
      const { metadata, data } = JSON.parse(readFileSync(join(store, file), "utf8"));
      return Object.entries(data).map(([key, value]): [string, string] => [
        `${metadata.name}/${key}`,
        Buffer.from(String(value), "base64").toString(),
      ]);
    }),
  );
}

const first = run();
const made = held();

test("every Secret and key that a pod refers to is made, and none that no pod refers to", () => {
  const referred = new Set<string>();
  for (const { containers, pod } of workloads()) {
    for (const { valueFrom } of containers.flatMap(({ env = [] }) => env)) {
      if (valueFrom?.secretKeyRef) referred.add(`${valueFrom.secretKeyRef.name}/${valueFrom.secretKeyRef.key}`);
    }
    for (const { secret } of pod.volumes ?? []) {
      // A folder with all of its keys.
      if (secret) for (const key of made.keys()) if (key.startsWith(`${secret.secretName}/`)) referred.add(key);
    }
  }
  assert.deepEqual([...made.keys()].sort(), [...referred].sort());
  assert.ok(workloads().some(({ pod }) => pod.volumes?.some(({ secret }) => secret?.secretName === "postgres-roles")));
});

test("a service's connection has the password that its role and its NATS user have", () => {
  for (const { name } of shop.databases) {
    const url = new URL(made.get(`${name}/DATABASE_URL`) ?? "");
    assert.equal(url.password, made.get(`postgres-roles/${name}`));
    assert.equal(`${url.username} ${url.host}${url.pathname}`, `${name} postgres:5432/${name}`);
    assert.equal(made.get(`${name}/NATS_PASSWORD`), made.get(`nats-users/NATS_PASSWORD_${name.toUpperCase()}`));
  }
});

test("every password is its own, long, and no number to whoever reads it", () => {
  const passwords = [...made]
    .filter(([key]) => /^(postgres|postgres-roles|nats-users|redis-\w+)\//.test(key))
    .map(([, value]) => value);
  assert.equal(new Set(passwords).size, passwords.length);
  for (const password of passwords) assert.match(password, /^p[0-9a-f]{48}$/);
  assert.match(made.get("demo/DEMO_PASSWORD") ?? "", /^row(-[a-z2-9]{4}){3}$/);
  assert.match(made.get("auth/AUTH_KEY_SECRET") ?? "", /^.{32,}$/);
});

test("a second run changes nothing, and makes what has been lost", () => {
  run();
  assert.deepEqual(held(), made);
  rmSync(join(store, "catalog.json"));
  const said = run();
  assert.deepEqual(held(), made);
  assert.match(said, /made DATABASE_URL of Secret catalog/);
});

test("no value is said, or given to another process as an argument", () => {
  const said = first + readFileSync(join(folder, "calls"), "utf8");
  assert.match(said, /get secret/);
  for (const value of made.values()) {
    assert.ok(!said.includes(value));
    assert.ok(!said.includes(Buffer.from(value).toString("base64")));
  }
});

test("a reference to nothing and an unknown word are refused", () => {
  const table = join(folder, "table");
  for (const line of ["a KEY x{nothing/here}y", "a KEY secret"]) {
    writeFileSync(table, `${line}\n`);
    assert.throws(() => run(table), /Cannot make KEY of Secret a/);
  }
});

test("no manifest holds a Secret", () => {
  assert.deepEqual(
    core().filter(({ kind }) => kind === "Secret"),
    [],
  );
});
