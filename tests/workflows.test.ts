// What can be seen of the workflows without running them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "vitest";
import { parse } from "yaml";

const root = resolve(import.meta.dirname, "..");

interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly needs?: string | readonly string[];
  readonly "runs-on"?: string;
  readonly "timeout-minutes"?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly name?: string;
  readonly on?: unknown;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs?: Readonly<Record<string, Job>>;
}

const workflows = globSync(".github/workflows/*.yml", { cwd: root }).map((file) => {
  const text = readFileSync(join(root, file), "utf8");
  const workflow: Workflow = parse(text);
  return { file, text, workflow, jobs: Object.entries(workflow.jobs ?? {}) };
});
const steps = workflows.flatMap(({ file, jobs }) =>
  jobs.flatMap(([job, { steps = [] }]) => steps.map((step) => ({ where: `${file} ${job}`, step }))),
);

test("there are workflows for the checks, the images and the cluster", () => {
  assert.deepEqual(workflows.map(({ workflow }) => workflow.name).sort(), ["ci", "cluster", "images"]);
});

test("every workflow may read and no more, but for the job that says what else it needs", () => {
  for (const { file, workflow, jobs } of workflows) {
    assert.deepEqual(workflow.permissions, { contents: "read" }, file);
    const more = jobs.filter(([, { permissions }]) => permissions).map(([job]) => job);
    assert.deepEqual(more, workflow.name === "images" ? ["image"] : [], file);
  }
});

test("every job runs on a named system, ends in time, and waits only for jobs that are there", () => {
  for (const { file, jobs } of workflows) {
    assert.ok(jobs.length > 0, file);
    for (const [job, { needs = [], "runs-on": system, "timeout-minutes": minutes, steps }] of jobs) {
      assert.match(system ?? "", /^ubuntu-\d\d\.\d\d$/, `${file} ${job}`);
      assert.ok(minutes !== undefined && minutes <= 60, `${file} ${job}`);
      assert.ok(steps && steps.length > 0, `${file} ${job}`);
      for (const other of [needs].flat())
        assert.ok(
          jobs.some(([name]) => name === other),
          `${file} ${job} ${other}`,
        );
    }
  }
});

test("every step does one thing, and every action has a version", () => {
  const known = new Set(["name", "id", "if", "uses", "run", "with", "env"]);
  for (const { where, step } of steps) {
    assert.deepEqual(
      Object.keys(step).filter((key) => !known.has(key)),
      [],
      where,
    );
    assert.notEqual(step.uses === undefined, step.run === undefined, `${where} ${JSON.stringify(step)}`);
    if (step.uses) assert.match(step.uses, /^[\w-]+\/[\w-]+@v\d+(\.\d+\.\d+)?$/, where);
    if (step.with) assert.ok(step.uses, where);
  }
  // Those that are not GitHub's own do not move with a major version.
  const foreign = steps.flatMap(({ step }) => step.uses ?? []).filter((uses) => !uses.startsWith("actions/"));
  assert.ok(foreign.length > 3);
  for (const uses of foreign) assert.match(uses, /@v\d+\.\d+\.\d+$/);
});

test("every script is a shell's, runs what is there, and takes no text of a stranger's as a command", () => {
  for (const { where, step } of steps) {
    if (!step.run) continue;
    execFileSync("bash", ["-n"], { input: step.run });
    assert.doesNotMatch(step.run, /\$\{\{/, `${where}: pass it as a variable instead`);
    for (const [script] of step.run.matchAll(/(?:^|\s)(?:k8s|scripts|\.ci)\/[\w./-]+/g)) {
      assert.ok(existsSync(join(root, script.trim())), `${where} ${script}`);
    }
  }
});

test("expressions are closed, and speak of steps, jobs and variables that are there", () => {
  for (const { file, text, jobs } of workflows) {
    assert.equal(text.split("${{").length, text.split("}}").length, file);
    for (const [, id] of text.matchAll(/steps\.([\w-]+)\.outputs/g)) {
      assert.ok(
        jobs.some(([, { steps = [] }]) => steps.some((step) => step.id === id)),
        `${file} ${id}`,
      );
    }
    for (const [, id] of text.matchAll(/needs\.([\w-]+)\.outputs/g))
      assert.ok(
        jobs.some(([name]) => name === id),
        `${file} ${id}`,
      );
  }
});

test("images are built for both architectures with contents and provenance, and signed by digest", () => {
  const images = steps.filter(({ where }) => where.includes("images.yml")).map(({ step }) => step);
  const build = images.find(({ uses }) => uses?.startsWith("docker/build-push-action@"));
  assert.equal(build?.with?.platforms, "linux/amd64,linux/arm64");
  assert.equal(build?.with?.sbom, true);
  assert.equal(build?.with?.provenance, "mode=max");
  assert.equal(build?.with?.target, "production");
  assert.match(readFileSync(join(root, "Dockerfile"), "utf8"), /^FROM \S+ AS production$/m);
  const sign = images.find(({ run }) => run?.includes("cosign sign"));
  assert.match(sign?.run ?? "", /"\$IMAGE@\$DIGEST"/);
  assert.equal(
    workflows.find(({ workflow }) => workflow.name === "images")?.workflow.jobs?.image?.permissions?.["id-token"],
    "write",
  );
});

test("no workflow names a registry: where images go is the repository's to say", () => {
  for (const { file, text } of workflows)
    assert.doesNotMatch(text, /\b(ghcr\.io|quay\.io|docker\.io|gcr\.io|azurecr|amazonaws)\b/, file);
});

test("the cluster's workflow ends with what the Tiltfile and the split have to show", () => {
  const runs = steps.filter(({ where }) => where.includes("cluster.yml")).map(({ step }) => step.run ?? "");
  assert.ok(
    runs.findIndex((run) => run.startsWith("tilt ci")) < runs.findIndex((run) => run.includes("k8s/try-split.sh")),
  );
  const constraint = /version_settings\(constraint='>=(\d+)\.(\d+)/.exec(readFileSync(join(root, "Tiltfile"), "utf8"));
  const pinned = /TILT_VERSION: (\d+)\.(\d+)/.exec(
    workflows.find(({ workflow }) => workflow.name === "cluster")?.text ?? "",
  );
  assert.deepEqual(pinned?.slice(1), constraint?.slice(1));
});
