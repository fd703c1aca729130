import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test } from "vitest";
import { root, shop } from "./manifests.ts";

const folder = mkdtempSync(join(tmpdir(), "row-cluster-backup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const log = [10, 20, 30].map((second) =>
  JSON.stringify({ time: `2026-11-21T11:10:${second}.120Z`, reference: second }),
);
const MIGRATIONS = "migration orders runtime 20261101000000_runtime\n";

// Answers what the scripts ask of kubectl, and keeps what is written into volumes.
const KUBECTL = `#!${process.execPath}
const { appendFileSync, readFileSync, writeFileSync } = require("node:fs");
const line = process.argv.slice(2).join(" ").replace("--namespace shop ", "").replaceAll("\\n", " ");
appendFileSync(process.env.CALLS, line + "\\n");
const answers = [
  [/current-context/, "kind-row"],
  [/clock_timestamp/, "2026-11-21T11:10:10.500"],
  [/pg_database/, "catalog\\norders"],
  [/psql .*server_version_num/, "18"],
  [/psql .*-d orders .*_prisma_migrations/, process.env.MIGRATIONS ?? ${JSON.stringify(MIGRATIONS)}],
  [/pg_basebackup/, "the databases"],
  [/exec card-gateway-0 .* node -e .*gateway\\.log/, ${JSON.stringify(`${log.join("\n")}\n`)}],
  [/exec redis-durable-0/, "the carts"],
  [/get secret/, "the secrets\\n"],
  [/get statefulset postgres/, "postgres:18.4"],
  [/get deployment --selector/, process.env.REPLICAS ?? "Deployment/orders-v1 2 \\nDeployment/orders-v2 1 \\n"],
  [/get deployment \\S+-v1/, "canary-row/built:tilt-7"],
  [/^logs postgres-0/, process.env.QUIET ? "" : "LOG:  last completed transaction was at log time 2026-11-21 11:10:20.12+00"],
];
const volume = /^exec -i restore-(\\S+)/.exec(line);
const applied = /apply -f -$/.test(line) && readFileSync(0, "utf8");
if (volume) writeFileSync(process.env.VOLUMES + "/" + volume[1], readFileSync(0));
else if (applied) appendFileSync(process.env.CALLS, applied.replace(/^(?!kind:|.*image:).*\\n/gm, "").replace(/\\s+/g, " ") + "\\n");
else process.stdout.write(answers.find(([pattern]) => pattern.test(line))?.[1] ?? "");
`;
const bin = join(folder, "bin");
mkdirSync(bin);
writeFileSync(join(bin, "kubectl"), KUBECTL, { mode: 0o755 });

function run(script: string, args: string[], settings: Readonly<Record<string, string>> = {}) {
  const place = mkdtempSync(join(folder, "run-"));
  const calls = join(place, "calls");
  writeFileSync(calls, "");
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, CALLS: calls, VOLUMES: place, ...settings };
  const { status, stdout, stderr } = spawnSync("sh", [join(root, "k8s", script), ...args], { env, encoding: "utf8" });
  const volumes = new Map(readdirSync(place).map((name) => [name, readFileSync(join(place, name), "utf8")]));
  return { status, out: stdout + stderr, calls: readFileSync(calls, "utf8").trim().split("\n"), volumes };
}

const backup = join(folder, "shop.tar");
const written = run("backup.sh", [backup]);
const restore = (file: string, settings?: Readonly<Record<string, string>>) =>
  run("restore.sh", [file, "--replace-the-shop-in", "kind-row"], settings);

test("a backup holds the databases of one instant, the gateway's log, Redis and the Secrets", () => {
  assert.equal(written.status, 0, written.out);
  const { stdout } = spawnSync("tar", ["-tf", backup], { encoding: "utf8" });
  const files = ["gateway.log", "postgres.tar", "redis.tar", "secrets.yaml"].map((name) => `files/${name}`);
  assert.deepEqual(stdout.trim().split("\n").sort(), ["backup.txt", "files/", ...files]);
  assert.equal(written.calls.filter((call) => call.includes("pg_basebackup")).length, 1);
  assert.match(run("backup.sh", [backup]).out, /it is there already/);
});

test("a restore stops callers before stores, fills the volumes, publishes again and puts everything back", () => {
  const { status, out, calls, volumes } = restore(backup);
  assert.equal(status, 0, out);
  const at = (pattern: RegExp) => {
    const index = calls.findIndex((call) => pattern.test(call));
    assert.ok(index >= 0, `${pattern} is among\n${calls.join("\n")}`);
    return index;
  };
  const order = [
    /^scale Deployment\/orders-v2 --replicas=0/,
    /^wait pod --for=delete --selector/,
    /^scale statefulset\/postgres .* --replicas=0/,
    /^wait pod\/postgres-0 --for=delete/,
    /^apply --server-side .*secrets\.yaml/,
    /^exec -i restore-postgres/,
    /^exec -i restore-nats/,
    /^scale statefulset\/postgres --replicas=1/,
    /psql .*-d orders .*update runtime\.outbox set published_time = null/,
    /^exec -i restore-card-gateway/,
    /^scale statefulset\/nats .*--replicas=1/,
    /^wait job\/nats-streams/,
    /^scale Deployment\/orders-v1 --replicas=2/,
    /^rollout status Deployment\/orders-v1/,
  ].map(at);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  assert.equal(volumes.get("postgres"), "the databases");
  assert.equal(volumes.get("redis-durable"), "the carts");
  // What the last transaction cannot have known is cut off.
  assert.equal(volumes.get("card-gateway"), `${log.slice(0, 2).join("\n")}\n`);
  for (const { name } of shop.databases) at(new RegExp(`^wait job/${name}-migrate --for=condition=Complete`));
  const jobs = calls.filter((call) => call.startsWith("kind: Job"));
  assert.equal(jobs.length, shop.databases.length + 1);
  for (const job of jobs) assert.match(job, /^kind: Job( image: canary-row\/built:tilt-7)+ ?$/);
});

test("of a shop in which nothing happened during the backup, the gateway's log ends with the backup", () => {
  const { volumes } = restore(backup, { QUIET: "yes" });
  assert.equal(volumes.get("card-gateway"), `${log[0]}\n`);
});

test("a restore that was cut short is run again, and starts as many as there were before the first", () => {
  const { calls } = restore(backup);
  assert.ok(calls.includes("annotate --overwrite Deployment/orders-v1 replicas-before-restore=2"));
  assert.ok(calls.includes("annotate Deployment/orders-v1 replicas-before-restore-"));
  const again = restore(backup, { REPLICAS: "Deployment/orders-v1 0 2\nDeployment/orders-v2 0 0\n" });
  assert.ok(again.calls.includes("scale Deployment/orders-v1 --replicas=2"), again.out);
  assert.ok(again.calls.includes("scale Deployment/orders-v2 --replicas=0"));
});

test("a restore refuses what is no backup, damaged, newer or meant for elsewhere, and changes nothing", () => {
  const write = (name: string, content: Buffer | string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const whole = readFileSync(backup);
  const flipped = Buffer.from(whole);
  flipped.write("THE", flipped.indexOf("the databases"));
  const changed = (name: string, from: string, to: string) => {
    assert.equal(from.length, to.length);
    const copy = Buffer.from(whole);
    copy.write(to, copy.indexOf(from));
    return write(name, copy);
  };
  const refusals: [ReturnType<typeof run>, RegExp][] = [
    [restore(join(folder, "nowhere")), /there is no such file/],
    [restore(write("text", "not a backup")), /it is not a backup that k8s\/backup\.sh made/],
    [restore(write("short", whole.subarray(0, whole.indexOf("the databases")))), /it is damaged/],
    [restore(write("flipped", flipped)), /it is damaged/],
    [
      restore(changed("format", "cluster-backup 1", "cluster-backup 2")),
      /it is of format 2, and this checkout reads 1/,
    ],
    [
      restore(changed("postgres", "postgres 18", "postgres 19")),
      /it is of Postgres 19, and the cluster has postgres:18/,
    ],
    [restore(changed("code", "20261101000000_runtime", "20991101000000_runtime")), /of newer code, which had orders's/],
    [
      run("restore.sh", [backup, "--replace-the-shop-in", "production"]),
      /kubectl points to kind-row, not to production/,
    ],
    [run("restore.sh", [backup]), /^Usage/],
  ];
  for (const [{ status, out, calls }, message] of refusals) {
    assert.match(out, message);
    assert.notEqual(status, 0);
    assert.deepEqual(
      calls.filter((call) => /^(scale|apply|delete|exec)/.test(call)),
      [],
    );
  }
});
