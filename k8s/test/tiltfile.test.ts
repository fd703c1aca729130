// The Tiltfile without Tilt: Python evaluates it, with a stand-in for each of Tilt's functions (tilt/evaluate.py).
import assert from "node:assert/strict";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { discoverServices, portsOf } from "@row/topology/service-manifest.ts";
import { beforeEach, type TestContext, test } from "vitest";
import { renderedFiles, shopAt } from "../src/profiles.ts";
import { field, list, root } from "./manifests.ts";
import { type Evaluation, evaluate, PYTHON, type Resource, type Settings } from "./tilt/evaluate.ts";

beforeEach((context) => context.skip(!PYTHON, "there is no python3 on the PATH"));

const tilt = PYTHON ? evaluate() : undefined;
const services = discoverServices(root);
const SETTINGS: Settings[] = [{}, { observability: true }, { "canary-from": "." }];

test("starts nothing that is meshed before Linkerd, and every pod after its account, its policies and its secrets", () => {
  for (const settings of SETTINGS) {
    const { resources } = evaluate({ settings });
    for (const resource of resources.filter(({ name }) => name !== "linkerd")) {
      const before = everythingBefore(resource, resources);
      assert.ok(before.has("linkerd"), resource.name);
      const makesShopPods = resource.labels[0] !== "observability" && workloadsOf(resource).length > 0;
      if (makesShopPods)
        for (const name of ["policies-and-routes", "secrets", "namespace"]) assert.ok(before.has(name), resource.name);
    }
  }
});

test("runs the migrations of a service and makes the streams before it, and the databases before those", () => {
  const { resources } = loaded();
  for (const { name, postgres, kind } of services) {
    const before = everythingBefore(named(resources, name), resources);
    assert.equal(before.has("nats-streams"), kind !== "outside", name);
    assert.equal(before.has(`${name}-migrate`), postgres, name);
    if (postgres)
      assert.ok(everythingBefore(named(resources, `${name}-migrate`), resources).has("postgres-databases"), name);
  }
  assert.ok(everythingBefore(named(resources, "postgres-databases"), resources).has("postgres"));
  assert.ok(everythingBefore(named(resources, "nats-streams"), resources).has("nats"));
});

test("waits for nobody in a circle, and for nobody who is not there", () => {
  for (const settings of SETTINGS) {
    const { resources } = evaluate({ settings });
    for (const resource of resources) {
      for (const name of resource.resource_deps) named(resources, name);
      assert.ok(!everythingBefore(resource, resources).has(resource.name), resource.name);
    }
  }
});

test("makes a resource of every rendered object, in the core profile and in the other", () => {
  for (const profile of globSync("*/", { cwd: join(root, "k8s/rendered") }).map((name) => name.replace("/", ""))) {
    const { resources, left } = evaluate({ settings: { observability: profile === "observability" } });
    assert.deepEqual(left, []);
    const deployed = new Set(
      resources.flatMap((resource) => workloadsOf(resource).map(({ metadata }) => metadata.name)),
    );
    const rendered = [...renderedFiles(shopAt(root))].filter(([file]) => file.startsWith(`k8s/rendered/${profile}/`));
    assert.ok(rendered.length > 5, profile);
    for (const [file, text] of rendered) {
      const [, workload] =
        /^kind: (?:Deployment|StatefulSet|DaemonSet|Job)\nmetadata:\n {2}name: (\S+)/m.exec(text) ?? [];
      if (workload) assert.ok(deployed.has(workload), file);
    }
  }
  assert.ok(loaded().resources.every(({ labels }) => !labels.includes("observability")));
});

test("builds the image of every service once, and of nothing else, as the Dockerfile's dev target", () => {
  const { images, resources } = loaded();
  assert.deepEqual(images.map(({ ref }) => ref).sort(), services.map(({ name }) => `canary-row/${name}`).sort());
  const used = resources.flatMap(imagesOf).map((image) => image.split(":")[0]);
  assert.deepEqual([...new Set(used)].sort(), images.map(({ ref }) => ref).sort());
  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
  for (const { ref, target, build_args } of images) {
    assert.match(dockerfile, new RegExp(`^FROM .* AS ${target}$`, "m"));
    assert.equal(`canary-row/${build_args.SERVICE}`, ref);
  }
});

test("gives a build everything it is made of, and nothing that would rebuild it needlessly", () => {
  for (const { ref, build_args, only, live_update } of loaded().images) {
    const folder = build_args.SERVICE === "edge" ? "edge" : `services/${build_args.SERVICE}`;
    for (const file of [
      `${folder}/package.json`,
      "services/auth/package.json",
      "bench/package.json",
      "proto",
      "runtime",
      "package-lock.json",
    ]) {
      assert.ok(
        only.some((path) => file === path || file.startsWith(`${path}/`)),
        `${ref} lacks ${file}`,
      );
    }
    for (const { name } of services) {
      const other = name === "edge" ? "edge/src" : `services/${name}/src`;
      const isIn = only.some((path) => other === path || other.startsWith(`${path}/`));
      assert.equal(isIn, other.startsWith(folder), `${ref} ${other}`);
    }
    // Live update takes sources in place, where the image has them; another package makes a new image.
    const [first, ...rest] = live_update;
    assert.ok(
      first?.fallBackOn?.includes("./package-lock.json") && first.fallBackOn.includes(`./${folder}/package.json`),
      ref,
    );
    assert.deepEqual(
      rest.map(({ sync, to }) => [sync, to]),
      [
        [`./${folder}/src`, `/app/${folder}/src`],
        ["./runtime/src", "/app/runtime/src"],
      ],
    );
    for (const { sync = "" } of rest) assert.ok(existsSync(join(root, sync)), sync);
  }
});

test("lets live update write into services, and into nothing else", () => {
  for (const resource of loaded().resources) {
    for (const workload of workloadsOf(resource)) {
      for (const container of list(workload, "spec", "template", "spec", "containers")) {
        const isService = String(field(container, "image")).startsWith("canary-row/") && workload.kind !== "Job";
        assert.equal(field(container, "securityContext", "readOnlyRootFilesystem"), !isService, resource.name);
      }
    }
  }
});

test("forwards the laptop's ports, each to a port that the pod has, and no port twice", () => {
  const { resources } = evaluate({ settings: { observability: true } });
  const all = resources.flatMap(({ portForwards }) => portForwards.map(({ local }) => local));
  assert.deepEqual(all, [...new Set(all)]);
  for (const resource of resources) {
    const ports = workloadsOf(resource).flatMap((workload) =>
      list(workload, "spec", "template", "spec", "containers").flatMap((container) =>
        list(container, "ports").map((port) => field(port, "containerPort")),
      ),
    );
    for (const { container } of resource.portForwards)
      assert.ok(ports.includes(container), `${resource.name} ${container}`);
  }
  for (const service of services) {
    const { name } = service;
    const locals = named(resources, name).portForwards.map(({ local }) => local);
    assert.deepEqual(locals, Object.values(portsOf(service)), name);
  }
  const declared =
    /DECLARED = \{(.*)\}/.exec(readFileSync(join(root, "laptop/src/stores/ports.ts"), "utf8"))?.[1] ?? "";
  const stores = [...declared.matchAll(/\d+/g)].map(([port]) => Number(port));
  assert.ok(stores.length >= 5);
  for (const port of stores) assert.ok(all.includes(port), String(port));
});

test("keeps a second version of each routed service at hand, in v2's own objects, and starts none by itself", () => {
  const { resources } = loaded();
  const canaries = resources.filter(({ labels }) => labels.includes("canaries"));
  assert.deepEqual(
    canaries.map(({ name }) => name).sort(),
    services.filter(({ name }) => existsSync(join(root, `mesh/routes/${name}.yaml`))).map(({ name }) => `${name}-v2`),
  );
  const canary = named(resources, "catalog-v2");
  assert.deepEqual(canary.objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(), [
    "Deployment catalog-v2",
    "HorizontalPodAutoscaler catalog-v2",
    "PodDisruptionBudget catalog-v2",
    "Service catalog-v2",
  ]);
  const version = (...path: string[]) =>
    field(
      canary.objects.find(({ kind }) => kind === path[0]),
      ...path.slice(1),
      "app.kubernetes.io/version",
    );
  for (const path of [
    ["Deployment", "metadata", "labels"],
    ["Deployment", "spec", "selector", "matchLabels"],
    ["Deployment", "spec", "template", "metadata", "labels"],
    ["PodDisruptionBudget", "spec", "selector", "matchLabels"],
    ["Service", "spec", "selector"],
  ]) {
    assert.equal(version(...path), "v2", path.join("."));
  }
  const autoscaler = canary.objects.find(({ kind }) => kind === "HorizontalPodAutoscaler");
  assert.equal(field(autoscaler, "spec", "scaleTargetRef", "name"), "catalog-v2");
  for (const resource of canaries)
    assert.deepEqual([resource.auto_init, resource.trigger_mode], [false, "manual"], resource.name);
});

test("builds second versions from another checkout when there is one", () => {
  const { images, resources } = evaluate({ settings: { "canary-from": "." } });
  assert.deepEqual(imagesOf(named(resources, "catalog-v2")), [
    "canary-row/catalog-canary",
    "canary-row/catalog-canary",
  ]);
  assert.equal(images.filter(({ ref }) => ref === "canary-row/catalog-canary").length, 1);
  assert.ok(imagesOf(named(resources, "catalog")).every((image) => image.startsWith("canary-row/catalog:")));
});

test("never applies a route by itself: the weights of a split would be the files' again", () => {
  const { resources } = loaded();
  const routes = resources.flatMap(({ objects }) => objects.filter(({ kind }) => kind === "GRPCRoute"));
  assert.deepEqual(routes, []);
  const applying = resources.filter(({ cmd = [] }) => cmd.includes("k8s/apply-mesh.sh"));
  assert.deepEqual(
    applying.map(({ deps }) => deps),
    [["mesh/services", "mesh/policy", "mesh/routes", "k8s/apply-mesh.sh"]],
  );
});

test("runs scripts only while kubectl points where Tilt does", () => {
  for (const { name, kind, cmd = [] } of loaded().resources) {
    if (kind !== "local") continue;
    assert.deepEqual(cmd.slice(0, 2), ["k8s/tilt/in-context.sh", "kind-dev"], name);
    assert.ok(existsSync(join(root, cmd[2] ?? "")), name);
  }
  assert.doesNotMatch(readFileSync(join(root, "Tiltfile"), "utf8"), /allow_k8s_contexts/);
});

test("has buttons beside each routed service that split, go back, scale and restart", () => {
  const { buttons, commands } = loaded();
  const beside = buttons.filter(({ location }) => location.component_id === "catalog");
  assert.deepEqual(
    beside.map(({ text }) => text),
    ["split 10 %", "all to v1", "scale", "restart"],
  );
  const commandOf = (name: string) =>
    commands.filter(({ start_on }) => start_on.ui_buttons.includes(name)).map(({ args }) => args.join(" "));
  assert.deepEqual(commandOf("catalog-split-10"), [
    "npm run --silent row -- --on kubernetes --context kind-dev split catalog v1=90 v2=10",
  ]);
  assert.deepEqual(commandOf("catalog-all-to-v1"), [
    "npm run --silent row -- --on kubernetes --context kind-dev split catalog v1=100",
  ]);
  assert.match(commandOf("catalog-restart")[0] ?? "", /rollout restart deployment\/catalog-v1$/);
  assert.equal(new Set(buttons.map(({ name }) => name)).size, buttons.length);
});

test("ends with an order in `tilt ci`, and places none by itself in `tilt up`", () => {
  const order = (subcommand: "up" | "ci") => named(evaluate({ subcommand }).resources, "order");
  assert.equal(order("ci").auto_init, true);
  assert.equal(order("up").auto_init, false);
  const { resources } = evaluate({ subcommand: "ci" });
  const before = everythingBefore(order("ci"), resources);
  for (const { name } of services) assert.ok(before.has(name), name);
  assert.ok(before.has("toolbox"));
});

test("runs what is asked for and what it needs, and no more", () => {
  const { enabled } = evaluate({ settings: { resources: ["catalog"] } });
  assert.ok(
    ["catalog", "catalog-migrate", "postgres", "nats-streams", "linkerd"].every((name) => enabled?.includes(name)),
  );
  assert.ok(!["orders", "edge", "catalog-v2"].some((name) => enabled?.includes(name)));
  assert.equal(loaded().enabled, null);
  assert.throws(
    () => evaluate({ settings: { resources: ["cart-oops"] } }),
    /^Error: Cannot run cart-oops: there are .*catalog/,
  );
});

test("takes in a service by its folder and its manifests, and asks for the manifests when they are not there", (context) => {
  const checkout = copyOfCheckout(context);
  const folder = join(checkout, "services/gifts");
  mkdirSync(join(folder, "src"), { recursive: true });
  writeFileSync(
    join(folder, "service.yaml"),
    "name: gifts\nport: 5070\nadminPort: 6070\npostgres: true\ncalls: [catalog]\n",
  );
  writeFileSync(join(folder, "package.json"), '{ "name": "@row/gifts" }');
  assert.throws(() => evaluate({ root: checkout }), /^Error: Cannot run gifts: .*npm run k8s:render/);

  for (const [file, text] of renderedFiles(shopAt(checkout))) {
    mkdirSync(join(checkout, file, ".."), { recursive: true });
    writeFileSync(join(checkout, file), text);
  }
  const { resources, images, left } = evaluate({ root: checkout });
  assert.deepEqual(left, []);
  const gifts = named(resources, "gifts");
  assert.deepEqual(
    gifts.portForwards.map(({ local, container }) => [local, container]),
    [
      [5070, 50051],
      [6070, 9090],
    ],
  );
  assert.ok(everythingBefore(gifts, resources).has("gifts-migrate"));
  assert.ok(images.some(({ ref, only }) => ref === "canary-row/gifts" && only.includes("services/gifts")));
  assert.ok(
    images.every(({ only }) => only.includes("services/gifts/package.json") || only.includes("services/gifts")),
  );
});

test("refuses what Python takes and Starlark does not", (context) => {
  const checkout = copyOfCheckout(context);
  for (const line of [
    "import os",
    'name = f"{1}"',
    "assert 0 < 1 < 2",
    'name = "a" "b"',
    "name = 1 is None",
    "undefined()",
  ]) {
    writeFileSync(join(checkout, "Tiltfile"), `${line}\n`);
    assert.throws(() => evaluate({ root: checkout }), /no Starlark|undefined/, line);
  }
});

function loaded(): Evaluation {
  assert.ok(tilt);
  return tilt;
}

function named(resources: readonly Resource[], name: string): Resource {
  const found = resources.find((resource) => resource.name === name);
  assert.ok(found, `there is no resource ${name}`);
  return found;
}

/** The names of all that a resource waits for, directly or not. */
function everythingBefore({ resource_deps }: Resource, resources: readonly Resource[]): Set<string> {
  const before = new Set<string>();
  const waiting = [...resource_deps];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (before.has(name)) continue;
    before.add(name);
    waiting.push(...named(resources, name).resource_deps);
  }
  return before;
}

function workloadsOf({ objects }: Resource) {
  return objects.filter(({ kind }) => ["Deployment", "StatefulSet", "DaemonSet", "Job"].includes(kind));
}

/** The project's own images that a resource runs. */
function imagesOf(resource: Resource): string[] {
  return workloadsOf(resource)
    .flatMap((workload) =>
      ["initContainers", "containers"].flatMap((part) => list(workload, "spec", "template", "spec", part)),
    )
    .map((container) => String(field(container, "image")))
    .filter((image) => image.startsWith("canary-row/"));
}

function copyOfCheckout(context: TestContext): string {
  const copy = mkdtempSync(join(tmpdir(), "row-tilt-"));
  context.onTestFinished(() => rmSync(copy, { recursive: true }));
  const isWanted = (file: string) => !/node_modules|\/(src|test|prisma\/migrations)$/.test(file.slice(root.length));
  for (const part of ["Tiltfile", "package.json", "edge", "services", "mesh", "k8s"]) {
    cpSync(join(root, part), join(copy, part), { recursive: true, filter: isWanted });
  }
  return copy;
}
