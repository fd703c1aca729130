import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type TestContext, test, vi } from "vitest";
import { MOST_LOGS_OF_GONE, rotateLogs } from "../src/supervisor/log-rotation.ts";
import { identify, isAlive } from "../src/supervisor/process-identity.ts";
import { RunRecord, stopLeftovers } from "../src/supervisor/run-record.ts";
import { SupervisedProcess } from "../src/supervisor/supervised-process.ts";
import { FAILING_SERVICE, smallProject, writeInto } from "./small-project.ts";

function supervise(context: TestContext, program: string, isReady = async () => true) {
  const project = smallProject({ "main.ts": program });
  mkdirSync(project.stateDir);
  const record = new RunRecord(project.stateDir);
  const spec = {
    name: "dummy-v1-1",
    service: "dummy",
    version: "v1",
    command: process.execPath,
    args: ["main.ts"],
    cwd: project.root,
    env: { PATH: process.env.PATH ?? "" },
    addresses: {},
    logFile: join(project.root, "dummy.log"),
    isReady,
    stopMs: 300,
  };
  const notes: string[] = [];
  const child = new SupervisedProcess(spec, record, (_process, note) => notes.push(note));
  context.onTestFinished(async () => {
    await child.stop();
    project.remove();
  });
  return { child, notes, record, ...project };
}

test("starts a child again when it dies, and says how it died", async (context) => {
  const { child, notes } = supervise(context, "setInterval(() => {}, 1000)");
  child.start();
  await child.whenReady(5_000);
  const first = child.pid;
  child.kill("SIGKILL");
  while (child.pid === first) await sleep(5);
  await child.whenReady(5_000);
  assert.notEqual(child.pid, first);
  assert.equal(child.restarts, 1);
  assert.deepEqual(notes, ["ready", "stopped (killed by SIGKILL), starting again in 0.2 s", "ready"]);
});

test("tells how long its last start took until it served", async (context) => {
  let isReady = false;
  const { child } = supervise(context, "setInterval(() => {}, 1000)", async () => isReady);
  child.start();
  assert.equal(child.readyAfterMs, undefined);
  await sleep(100);
  isReady = true;
  await child.whenReady(5_000);
  assert.ok((child.readyAfterMs ?? 0) >= 100);
  isReady = false;
  child.kill("SIGKILL");
  await vi.waitUntil(() => child.restarts === 1, { timeout: 5_000 });
  assert.equal(child.readyAfterMs, undefined, "the one that runs now does not serve yet");
});

const TELLS_ITS_LIFE = `
  import { appendFileSync } from "node:fs";
  const name = process.env.TAKES_OVER === "yes" ? "second" : "first";
  process.on("SIGTERM", () => {
    appendFileSync("life", name + " ends\\n");
    process.exit(0);
  });
  setInterval(() => {}, 1000);
  appendFileSync("life", name + " serves\\n");`;

test("another process takes over before the first is told to end, and is then the one that is looked after", async (context) => {
  const { child, record: _, root, stateDir } = supervise(context, TELLS_ITS_LIFE);
  const life = () => readFileSync(join(root, "life"), "utf8");
  child.start();
  await child.whenReady(5_000);
  while (!existsSync(join(root, "life"))) await sleep(5);
  const first = child.pid;
  await child.replace(() => life().includes("second serves"));
  assert.equal(life(), "first serves\nsecond serves\nfirst ends\n");
  assert.notEqual(child.pid, first);
  assert.deepEqual([child.state, child.restarts], ["ready", 1]);
  assert.deepEqual(
    JSON.parse(readFileSync(join(stateDir, "processes.json"), "utf8")).map(({ pid }: { pid: number }) => pid),
    [child.pid],
  );
  await child.stop();
  assert.match(life(), /second ends\n$/);
});

test("a process goes on when the one that was to take over does not get there", async (context) => {
  const { child } = supervise(
    context,
    'if (process.env.TAKES_OVER) throw new Error("no"); setInterval(() => {}, 1000)',
  );
  child.start();
  await child.whenReady(5_000);
  const first = child.pid;
  await assert.rejects(
    child.replace(() => false),
    /^RowError: dummy-v1-1 cannot take over from the one that runs/,
  );
  assert.deepEqual([child.pid, child.state, child.restarts], [first, "ready", 0]);
});

test("gives up on a child that never gets ready, quoting the last line of its log", async (context) => {
  const { child } = supervise(context, FAILING_SERVICE, async () => false);
  child.start();
  await assert.rejects(
    child.whenReady(10_000),
    /^RowError: dummy-v1-1 keeps stopping \(exit code 1\): Cannot start: FLAVOUR is missing\nIts log is .*dummy\.log$/,
  );
});

test("says so when a program cannot be started at all", async (context) => {
  const { child } = supervise(context, "", async () => false);
  child.spec.command = "/nowhere/server";
  child.start();
  await assert.rejects(child.whenReady(10_000), /keeps stopping \(spawn \/nowhere\/server ENOENT\)/);
});

test("says so when what a start needs cannot be prepared, and tries again", async (context) => {
  const { child } = supervise(context, "setInterval(() => {}, 1000)");
  let tries = 0;
  child.spec.prepare = () => {
    tries += 1;
    if (tries === 1) throw new Error("the disk is full");
  };
  child.start();
  assert.equal(child.state, "waiting");
  await child.whenReady(5_000);
  assert.equal(tries, 2);
});

test("stops a child that ignores SIGTERM, together with what the child started", async (context) => {
  const { child, root } = supervise(
    context,
    `import { spawn } from "node:child_process";
     import { writeFileSync } from "node:fs";
     process.on("SIGTERM", () => {});
     writeFileSync("grandchild", String(spawn("sleep", ["60"]).pid));
     setInterval(() => {}, 1000);`,
    async () => readFileSync(join(root, "grandchild"), "utf8") !== "",
  );
  child.start();
  await child.whenReady(5_000);
  const family = [child.pid, Number(readFileSync(join(root, "grandchild"), "utf8"))].map((pid) => identify(pid ?? 0));
  assert.ok(family[0] && family[1]);
  await child.stop();
  await sleep(20);
  assert.deepEqual(
    family.filter((member) => member && isAlive(member)),
    [],
  );
});

test("stops what a killed supervisor left, but no process that merely has the same pid", async (context) => {
  const { child, record, stateDir } = supervise(context, "setInterval(() => {}, 1000)");
  child.start();
  await child.whenReady(5_000);
  const file = join(stateDir, "processes.json");
  const [recorded] = JSON.parse(readFileSync(file, "utf8"));
  assert.equal(recorded.pid, child.pid);

  writeFileSync(file, JSON.stringify([{ ...recorded, started: "another boot/1" }]));
  assert.deepEqual(await stopLeftovers(stateDir), []);
  assert.ok(isAlive(recorded));

  record.set(recorded);
  assert.deepEqual(await stopLeftovers(stateDir), ["dummy-v1-1"]);
  assert.ok(!isAlive(recorded));
});

test("ends its children when the supervising process ends without stopping them", async (context) => {
  const project = smallProject({ "child.ts": "setInterval(() => {}, 1000)" });
  context.onTestFinished(project.remove);
  const source = `
    import { RunRecord } from ${JSON.stringify(import.meta.resolve("../src/supervisor/run-record.ts"))};
    import { SupervisedProcess } from ${JSON.stringify(import.meta.resolve("../src/supervisor/supervised-process.ts"))};
    const spec = { name: "child", service: "child", version: "v1", command: process.execPath, args: ["child.ts"], cwd: ".",
      env: {}, addresses: {}, logFile: "child.log", isReady: async () => true };
    const child = new SupervisedProcess(spec, new RunRecord("."), () => {});
    child.start();
    await child.whenReady(5000);
    console.log(child.pid);
    throw new Error("a bug");`;
  writeInto(project.root, "supervisor.ts", source);
  const { stdout } = spawnSync(process.execPath, ["supervisor.ts"], { cwd: project.root, encoding: "utf8" });
  const pid = Number(stdout);
  assert.ok(pid > 0, stdout);
  const end = Date.now() + 2_000;
  while (identify(pid) && Date.now() < end) await sleep(10);
  assert.equal(identify(pid), undefined);
});

test("kills and starts again what runs and has done no work for long", async (context) => {
  const { child, notes } = supervise(context, "setInterval(() => {}, 1000)");
  let works = true;
  child.spec.isAlive = async () => works;
  child.spec.deadAfterMs = 300;
  child.start();
  await child.whenReady(5_000);
  const first = child.pid;
  await sleep(2_500);
  assert.equal(child.pid, first, "what works is left alone");
  works = false;
  const end = Date.now() + 20_000;
  while (child.pid === first && Date.now() < end) await sleep(20);
  assert.notEqual(child.pid, first);
  assert.match(notes[1] ?? "", /^runs and has done no work for \d+ s: it is started again$/);
});

test("keeps a log within its bound while its process goes on writing, and loses none of what comes after", async (context) => {
  const program = `
    let line = 0;
    setInterval(() => console.log(String(line++).padEnd(999, ".")), 2);`;
  const { child, root } = supervise(context, program);
  const stop = new AbortController();
  context.onTestFinished(() => stop.abort());
  child.start();
  void rotateLogs(root, stop.signal, { mostBytes: 50_000, everyMs: 20, isInUse: () => true });
  const file = join(root, "dummy.log");
  let [largest, rotations, before] = [0, 0, 0];
  const end = Date.now() + 20_000;
  while (rotations < 3 && Date.now() < end) {
    await sleep(5);
    const { size } = statSync(file, { throwIfNoEntry: false }) ?? { size: 0 };
    largest = Math.max(largest, size);
    if (size < before) rotations += 1;
    before = size;
  }
  assert.equal(rotations, 3);
  stop.abort();
  await child.stop();
  assert.ok(statSync(`${file}.1`).size >= 50_000);
  assert.ok(largest < 2_000_000, `${largest} bytes`);
  const numbers = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => Number.parseInt(line, 10));
  assert.ok(numbers.every((number, index) => index === 0 || number === (numbers[index - 1] ?? 0) + 1));
});

test("of logs whose process is gone the latest stay, and none that is in use goes", async (context) => {
  const { root, remove } = smallProject();
  const stop = new AbortController();
  context.onTestFinished(() => {
    stop.abort();
    remove();
  });
  const write = (name: string, secondsAgo: number) => {
    for (const file of [`${name}.log`, `${name}.log.1`]) {
      writeInto(root, file, "a line");
      utimesSync(join(root, file), new Date(), new Date(Date.now() - secondsAgo * 1_000));
    }
  };
  write("catalog-v1-1", 1_000);
  for (let gone = 1; gone <= MOST_LOGS_OF_GONE + 5; gone += 1) write(`catalog-v2-${gone}`, gone);
  void rotateLogs(root, stop.signal, { everyMs: 20, isInUse: (name) => name === "catalog-v1-1" });
  const left = () => readdirSync(root).filter((file) => file.startsWith("catalog-"));
  const latest = Array.from({ length: MOST_LOGS_OF_GONE }, (_, index) => `catalog-v2-${index + 1}`);
  const wanted = ["catalog-v1-1", ...latest].flatMap((name) => [`${name}.log`, `${name}.log.1`]);
  await vi.waitFor(() => assert.deepEqual(left().sort(), wanted.sort()), { timeout: 10_000 });
});
