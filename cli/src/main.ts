#!/usr/bin/env node
import { type Installation, installationFrom } from "@row/laptop/installation.ts";
import { recordedPortBase, supervisorOf } from "@row/laptop/supervisor/lock.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { Command, Option } from "commander";
import type { CallFlags } from "./commands/call.ts";
import type { DeployFlags } from "./commands/deploy.ts";
import type { UpFlags } from "./commands/up.ts";

// Commands are imported when they run, so that `row status` does not load what only `row up` needs.
const row = new Command("row")
  .description("Runs and looks after a Canary Row shop on this machine.")
  .addHelpText(
    "after",
    "\nWith --on kubernetes, split, get, stat, call and mesh authz speak of the cluster that kubectl points to.\nROW_PORT_BASE (5000; 1024 to 29667 is safe) moves every port of a shop that is started, ROW_STATE_DIR (.row) the state: two shops can run side by side.",
  )
  .showHelpAfterError("(row --help lists the commands)")
  .addOption(
    new Option("--on <place>", "where the shop runs").choices(["laptop", "kubernetes"]).default("laptop").env("ROW_ON"),
  )
  .option("--context <name>", "kubectl's context to use, with --on kubernetes; the current one unless given")
  .hook("preSubcommand", async (_, command) => {
    const { on, context } = row.opts<{ on: string; context?: string }>();
    if (on === "kubernetes") (await import("./cluster/commands.ts")).actInCluster(command, here, context);
    else if (context) throw new RowError("Cannot use --context: it is for --on kubernetes");
  });

row
  .command("up")
  .description("start everything and keep it running until Ctrl-C")
  .option("-d, --detach", "leave it running in the background once it is ready")
  .option("--no-mesh", "let services call each other directly, without sidecars")
  .action(async (options: UpFlags) => (await import("./commands/up.ts")).up(here(), options));

row
  .command("status")
  .description("show every process and the work that waits; exit status 1 when nothing runs")
  .option("--json", "print JSON")
  .action(async (options: { json?: boolean }) => (await import("./commands/status.ts")).status(here(), options));

row
  .command("logs")
  .description("print logs, of every process or of one")
  .argument("[process]", "a service, a store or an instance, such as orders or postgres")
  .option("-f, --follow", "go on printing what is added")
  .option("-n, --lines <count>", "how many of the last lines of each log to print", "50")
  .action(async (name: string | undefined, options: { follow?: boolean; lines: string }) =>
    (await import("./commands/logs.ts")).logs(here(), name, options),
  );

row
  .command("down")
  .description("stop everything; data stays")
  .action(async () => (await import("./commands/down.ts")).down(here()));

row
  .command("reset")
  .description("stop everything and delete its data: databases, streams, secrets and logs")
  .option("-y, --yes", "do not ask")
  .action(async (options: { yes?: boolean }) => (await import("./commands/reset.ts")).reset(here(), options));

row
  .command("backup")
  .description("write everything that a shop cannot make anew into a file; the shop may run meanwhile")
  .argument("<file>", "such as shop.tar; readable by its owner alone, for it holds the shop's secrets")
  .action(async (file: string) => (await import("./commands/backup.ts")).backup(here(), file));

row
  .command("restore")
  .description("make a shop what a backup says; start it afterwards")
  .argument("<file>", "what `row backup` wrote")
  .option("--force", "replace the shop that is there, with all of its data")
  .action(async (file: string, options: { force?: boolean }) =>
    (await import("./commands/restore.ts")).restore(here(), file, options),
  );

row
  .command("dev")
  .description("restart a service when its files, the runtime or the contracts change; starts the shop if none runs")
  .argument("[services...]", "the services to watch; all of them when none is named")
  .action(async (names: string[]) => (await import("./commands/dev.ts")).dev(here(), names));

row
  .command("call")
  .description("call a method over gRPC and print its answer as JSON")
  .argument("<method>", "such as shop.orders.v1.OrderService/GetOrder or OrderService.GetOrder")
  .argument("[json]", "the request as proto3 JSON; - reads it from standard input", "{}")
  .option("--as <user>", "log in as a demo user first: alice, bob, merchant, admin, or any address")
  .option("--token <token>", "an access token to send")
  .option("-H, --header <name:value>", "metadata to send; may be repeated", collect, [])
  .option("--address <host:port>", "call this address instead of the toolbox, or of the service's own without the mesh")
  .option("--timeout <seconds>", "give up after this long; 10 for one answer, and never for a stream")
  .action(async (method: string, json: string, options: CallFlags) =>
    (await import("./commands/call.ts")).call(here(), method, json, options),
  );

const mesh = row.command("mesh").description("look at what the mesh obeys");
mesh
  .command("authz")
  .description("show who may call what")
  .argument("[service]", "one service; all of them when none is named")
  .option("--json", "print JSON, with the reasons")
  .action(async (service: string | undefined, options: { json?: boolean }) =>
    (await import("./commands/mesh-authz.ts")).meshAuthz(here(), service, options),
  );
mesh
  .command("lint")
  .description(
    "check Kubernetes manifests for what Linkerd takes silently and does not do; exit status 1 with findings",
  )
  .argument("[paths...]", "files, folders and - for standard input, linted as one cluster; the project's own if none")
  .option("--crds <dir>", "also check against the CustomResourceDefinitions in a folder; may be repeated", collect, [])
  .option(
    "--contracts <file>",
    "a buf image or descriptor set that tells streams and idempotent methods; the shop's own",
  )
  .option("--rules", "list the rules instead")
  .option("--json", "print JSON")
  .action(async (paths: string[], options: LintFlags) => {
    const { listRules, meshLint } = await import("./commands/mesh-lint.ts");
    if (options.rules) listRules(options.json);
    else meshLint(here(), paths, options);
  });

row
  .command("stat")
  .description("show who calls whom: success rate, requests a second and latencies of the last ten seconds")
  .argument("[service]", "only calls to or from it; catalog-v2 for one version")
  .option("-w, --watch", "show it again every second until Ctrl-C")
  .option("--json", "print JSON")
  .action(async (service: string | undefined, options: { watch?: boolean; json?: boolean }) =>
    (await import("./commands/stat.ts")).stat(here(), service, options),
  );

row
  .command("tap")
  .description("print requests between services as they pass, until Ctrl-C")
  .argument("[service]", "only requests to or from it; catalog-v2 for one version")
  .option("--json", "print a JSON object a line")
  .action(async (service: string | undefined, options: { json?: boolean }) =>
    (await import("./commands/tap.ts")).tap(here(), service, options),
  );

row
  .command("trace")
  .description("list traces: failed, slowest, recent; or show one, through services and sidecars")
  .argument("[id]", "a trace's id, or its first digits")
  .option("--json", "print JSON")
  .action(async (id: string | undefined, options: { json?: boolean }) =>
    (await import("./commands/trace.ts")).trace(here(), id, options),
  );

row
  .command("toolbox")
  .description("say how to call services through the mesh with grpcurl, buf curl or row call")
  .action(async () => (await import("./commands/toolbox.ts")).toolbox(here()));

row
  .command("apply")
  .description("change the running mesh as Kubernetes manifests say; all of them or none")
  .option("-f, --filename <path>", "a file, a folder, or - for standard input; may be repeated", collect, [])
  .action(async (options: { filename: string[] }) => (await import("./commands/apply.ts")).apply(here(), options));

row
  .command("get")
  .description("show the resources that the running mesh obeys")
  .argument("[kind]", "such as grpcroute, service or authorizationpolicy")
  .argument("[names...]", "the resources to show; all of the kind when none is named")
  .option("-o, --output <format>", "yaml or json instead of a table")
  .action(async (kind: string | undefined, names: string[], options: { output?: string }) =>
    (await import("./commands/get.ts")).get(here(), kind, names, options),
  );

row
  .command("delete")
  .description("delete resources of the running mesh")
  .argument("[kind]", "such as grpcroute")
  .argument("[names...]", "the resources to delete")
  .option("-f, --filename <path>", "delete what this file or folder describes; may be repeated", collect, [])
  .action(async (kind: string | undefined, names: string[], options: { filename: string[] }) =>
    (await import("./commands/apply.ts")).remove(here(), kind, names, options),
  );

row
  .command("split")
  .description("share the calls to a service among its versions, or show how they are shared")
  .argument("<service>", "such as catalog")
  .argument("[weights...]", "such as v1=90 v2=10; none shows the split of now")
  .action(async (service: string, weights: string[]) =>
    (await import("./commands/split.ts")).split(here(), service, weights),
  );

row
  .command("deploy")
  .description("run another version of a service beside those that run; it gets no calls until a split gives it some")
  .argument("<service>", "such as catalog")
  .requiredOption("--version <name>", "how to call it, such as v2")
  .option("--replicas <count>", "how many instances of it to run", "1")
  .option("--from <folder|reference>", "run the code of another checkout, or of a git branch, tag or commit")
  .action(async (service: string, options: DeployFlags) =>
    (await import("./commands/deploy.ts")).deploy(here(), service, options),
  );

row
  .command("scale")
  .description("run more or fewer instances of a version; those that end are drained first")
  .argument("<service>", "such as catalog")
  .requiredOption("--replicas <count>", "how many instances of it to run")
  .option("--version <name>", "which version, where there are several")
  .action(async (service: string, options: DeployFlags) =>
    (await import("./commands/deploy.ts")).scale(here(), service, options),
  );

row
  .command("undeploy")
  .description("drain and end a version that gets no calls any more")
  .argument("<service>", "such as catalog")
  .requiredOption("--version <name>", "such as v2")
  .action(async (service: string, options: DeployFlags) =>
    (await import("./commands/deploy.ts")).undeploy(here(), service, options),
  );

const dlq = row.command("dlq").description("look at dead letters: events that a service could not apply");
const deadLetters = () => import("./commands/dlq.ts");
dlq
  .command("list")
  .description("list the dead letters, oldest first")
  .option("--json", "print JSON")
  .action(async (options: { json?: boolean }) => (await deadLetters()).list(here(), options));
dlq
  .command("show")
  .description("print one dead letter with its headers and its payload")
  .argument("<id>", "the number that list shows")
  .action(async (id: string) => (await deadLetters()).show(here(), id));
dlq
  .command("replay")
  .description("publish the event again, so that the service that refused it gets another chance")
  .argument("<id>", "the number that list shows, or all")
  .action(async (id: string) => (await deadLetters()).replay(here(), id));
dlq
  .command("drop")
  .description("delete dead letters for good")
  .argument("<id>", "the number that list shows, or all")
  .action(async (id: string) => (await deadLetters()).drop(here(), id));

const orders = row.command("orders").description("look after the orders service");
orders
  .command("rebuild")
  .description("fold every order's events into a fresh view")
  .action(async () => (await import("./commands/orders.ts")).rebuild(here()));

interface LintFlags {
  crds: string[];
  contracts?: string;
  rules?: boolean;
  json?: boolean;
}

/** With the ports of the shop that runs there, whatever ROW_PORT_BASE is in this terminal. */
function here(): Installation {
  const installation = installationFrom(process.env);
  const { stateDir } = installation;
  const running = supervisorOf(stateDir) !== undefined || !process.env.ROW_PORT_BASE;
  return { ...installation, portBase: (running ? recordedPortBase(stateDir) : undefined) ?? installation.portBase };
}

function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}

// A reader that goes away, as `head` does, is no error.
process.stdout.on("error", () => process.exit());

try {
  await row.parseAsync();
} catch (error) {
  if (error instanceof RowError) console.error(error.message);
  else console.error(process.env.ROW_DEBUG ? error : `Unexpected: ${messageOf(error)} (ROW_DEBUG=1 shows where)`);
  process.exitCode = 1;
}
