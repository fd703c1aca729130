/** `row edges`: who has called whom, and by which identities. */
import type { Installation } from "@row/laptop/installation.ts";
import { about, askObserver, observerUrl } from "@row/laptop/sidecars/observer-client.ts";
import type { Edge, Edges } from "@row/mesh/observer/edges.ts";
import { IDENTITY_DOMAIN } from "@row/runtime/names.ts";
import { Command } from "commander";
import { bad, good, heading, versioned } from "../colours.ts";
import { rateText } from "../rate.ts";
import { table } from "../table.ts";

export function edgesCommand(here: () => Installation): Command {
  return new Command("edges")
    .description("show who has called whom, the identities of both ends, and how it went")
    .argument("[service]", "only calls to or from it; catalog-v2 for one version")
    .option("--json", "print JSON")
    .action(async (service: string | undefined, { json }: { json?: boolean }) => {
      const url = await observerUrl(here());
      const edges = await askObserver<Edges>(url, `/edges${about(service)}`);
      console.log(json ? JSON.stringify(edges, null, 2) : render(edges));
    });
}

export function render({ edges }: Edges): string {
  if (edges.length === 0) return "No calls yet: an edge is kept for ten minutes after its last call.";
  return [
    ...table([
      ["CLIENT", "SERVER", "CLIENT IDENTITY", "SERVER IDENTITY", "SECURED", "REQUESTS", "SUCCESS", "LAST"].map(heading),
      ...edges.map(columns),
    ]),
    "",
    `Identities end in .${IDENTITY_DOMAIN}.`,
  ].join("\n");
}

function columns(edge: Edge): string[] {
  return [
    versioned(edge.client),
    versioned(edge.server),
    shortIdentity(edge.clientIdentity),
    shortIdentity(edge.serverIdentity),
    edge.isSecured ? good("√") : bad("-"),
    String(edge.requests),
    rateText(edge.successRate),
    edge.lastTime.slice(11, 19),
  ];
}

function shortIdentity(identity: string | null): string {
  return identity?.replace(`.${IDENTITY_DOMAIN}`, "") ?? "-";
}
