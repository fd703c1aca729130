// Answers as kubectl would, from a file, and writes down what it was asked; cluster.test.ts puts it on the PATH as "kubectl".
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

export interface LiveObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string; resourceVersion: string; [field: string]: unknown };
  spec?: { [field: string]: unknown };
  [field: string]: unknown;
}

export interface ClusterState {
  contexts: string[];
  objects: LiveObject[];
  /** How often somebody else is faster, by the name of what is patched. */
  conflicts: Record<string, number>;
  /** What is said instead of patching, by name; with --dry-run too where `early`. */
  refusals: Record<string, { says: string; early: boolean }>;
  /** Where an address inside the cluster really is: "catalog:50051" → 40001. */
  ports: Record<string, number>;
  /** Whether a new pod gets a sidecar; nobody may try one where this is absent. */
  injects?: boolean;
}

const folder = process.env.KUBECTL_STAND_IN ?? "";
const args = process.argv.slice(2);
appendFileSync(join(folder, "calls.jsonl"), `${JSON.stringify(args)}\n`);
const state: ClusterState = JSON.parse(readFileSync(join(folder, "state.json"), "utf8"));
const end = args.indexOf("--");
const { values, positionals } = parseArgs({
  args: end < 0 ? args : args.slice(0, end),
  allowPositionals: true,
  options: {
    context: { type: "string", default: state.contexts[0] },
    namespace: { type: "string" },
    "request-timeout": { type: "string" },
    output: { type: "string", short: "o" },
    selector: { type: "string" },
    type: { type: "string" },
    patch: { type: "string" },
    "dry-run": { type: "string" },
    stdin: { type: "boolean" },
    container: { type: "string" },
    timeout: { type: "string" },
    filename: { type: "string", short: "f" },
  },
});
if (!values.context || !state.contexts.includes(values.context))
  refuse(`error: context "${values.context}" does not exist`);
const [verb, what = "", name = ""] = positionals;
if (verb === "get") get();
else if (verb === "create") tryPod();
else if (verb === "patch") patch();
else if (verb === "exec") pipe(args.slice(end + 1));
else if (verb === "port-forward") await forward();
else if (verb === "rollout") rollout();
else refuse(`error: unknown command "${verb}"`);

function refuse(message: string): never {
  console.error(message);
  process.exit(1);
}

function get(): void {
  const kinds = what.split(",").map((kind) => kind.split(".")[0]);
  const isWanted = ({ kind, metadata }: LiveObject) =>
    kinds.some((plural) =>
      [`${kind}s`, kind, kind.replace(/y$/, "ies")].some((known) => known.toLowerCase() === plural),
    ) &&
    metadata.namespace === values.namespace &&
    isSelected(metadata) &&
    (!name || metadata.name === name);
  const items = state.objects.filter(isWanted);
  if (name && items.length === 0) refuse(`Error from server (NotFound): ${what} "${name}" not found`);
  if (values.output === "name") {
    for (const { kind, metadata } of items) console.log(`${kind.toLowerCase()}.apps/${metadata.name}`);
  } else if (values.output?.startsWith("jsonpath=")) {
    const data: unknown = items[0]?.data;
    const key = /\.data\.(\w+)/.exec(values.output)?.[1] ?? "";
    process.stdout.write(String(Object.entries(data ?? {}).find(([own]) => own === key)?.[1] ?? ""));
  } else console.log(JSON.stringify(name ? items[0] : { kind: "List", items }));
}

function isSelected({ labels }: LiveObject["metadata"]): boolean {
  const [label = "", value] = values.selector?.split("=") ?? [];
  // Pods of these tests have the labels that are looked at, and no others.
  return !label || what === "pods" || Object(labels)[label] === value;
}

/** `create --dry-run=server -f -` of a pod: what admission makes of it. */
function tryPod(): void {
  if (values["dry-run"] !== "server" || values.filename !== "-") refuse("error: nothing may be created here");
  const pod = JSON.parse(readFileSync(0, "utf8"));
  if (state.injects === undefined) refuse('Error from server (Forbidden): pods is forbidden: User "me" cannot create');
  if (state.injects) pod.spec.initContainers = [{ name: "linkerd-init" }, { name: "linkerd-proxy" }];
  console.log(JSON.stringify(pod));
}

function rollout(): void {
  const [kind = "", own] = name.split("/");
  const isThere = state.objects.some((one) => `${one.kind.toLowerCase()}.apps` === kind && one.metadata.name === own);
  if (!isThere) refuse(`Error from server (NotFound): ${kind} "${own}" not found`);
  console.log(`${name} ${what === "restart" ? "restarted" : "successfully rolled out"}`);
}

function patch(): void {
  const refusal = state.refusals[name];
  const isDry = values["dry-run"] === "server";
  if (refusal && (refusal.early || !isDry)) refuse(refusal.says);
  const found = state.objects.find(
    (object) => what.startsWith(`${object.kind.toLowerCase()}s.`) && object.metadata.name === name,
  );
  if (!found) refuse(`Error from server (NotFound): ${what} "${name}" not found`);
  const left = state.conflicts[name] ?? 0;
  if (left > 0 && !isDry) {
    state.conflicts[name] = left - 1;
    found.metadata.resourceVersion += "0";
    const annotations = { ...Object(found.metadata.annotations), touched: found.metadata.resourceVersion };
    found.metadata.annotations = annotations;
    save();
  }
  for (const { op, path, value } of JSON.parse(values.patch ?? "[]")) {
    if (op !== "replace") refuse(`error: ${op} is not known here`);
    if (path === "/metadata/resourceVersion") {
      if (value === found.metadata.resourceVersion) continue;
      refuse(
        `Error from server (Conflict): Operation cannot be fulfilled on ${what} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
      );
    }
    const steps: string[] = path.split("/").slice(1);
    const last = steps.pop() ?? "";
    const parent = steps.reduce((object: Record<string, unknown>, step) => Object(object[step]), found);
    if (!(last in parent)) refuse(`error: there is no ${path}`);
    parent[last] = value;
  }
  if (isDry) {
    console.log(`${name} patched (server dry run)`);
    return;
  }
  found.metadata.resourceVersion += "1";
  save();
  console.log(`${name} patched`);
}

function save(): void {
  writeFileSync(join(folder, "state.json"), JSON.stringify(state));
}

/** `nc HOST PORT` inside the toolbox. */
function pipe([program, host, port]: string[]): void {
  const real = state.ports[`${host}:${port}`];
  if (program !== "nc" || !real) refuse(`nc: bad address '${host}'\ncommand terminated with exit code 1`);
  const socket = connect(real, "127.0.0.1");
  process.stdin.pipe(socket).pipe(process.stdout);
  socket.on("close", () => process.exit());
}

async function forward(): Promise<void> {
  const port = state.ports[`${what}${name}`];
  if (!port) refuse(`Error from server (NotFound): services "${what.replace("service/", "")}" not found`);
  console.log(`Forwarding from 127.0.0.1:${port} -> 9090`);
  await sleep(60_000);
}
