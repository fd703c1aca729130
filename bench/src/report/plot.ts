import type { Summary } from "../measure/round.ts";
import type { Results } from "../results.ts";
import type { Machine } from "./machine.ts";

const WIDTH = 760;
const LEFT = 170;
const RIGHT = 90;
const ROW = 26;
const COLORS = { tutorial: "#9aa5b1", shop: "#e0a100" };

interface BarRow {
  name: string;
  color: string;
  summary: Summary;
}

/** What of the results is drawn. */
interface Plotted {
  machine: Pick<Machine, "cores" | "node">;
  reading: Pick<Results["reading"], "tutorial" | "shop" | "meshed">;
  ordering: Pick<Results["ordering"], "tutorial" | "accepted" | "confirmed">;
}

/** Requests a second as bars, each round a dot, as an SVG that stands on its own. */
export function plot({ reading, ordering, machine }: Plotted): string {
  const panels: [string, BarRow[]][] = [
    [
      "Reading a product, uncached, requests/s",
      [
        { name: "tutorial stack", color: COLORS.tutorial, summary: reading.tutorial },
        { name: "shop", color: COLORS.shop, summary: reading.shop },
        { name: "shop behind sidecars", color: COLORS.shop, summary: reading.meshed },
      ],
    ],
    [
      "Placing an order, orders/s",
      [
        { name: "tutorial stack", color: COLORS.tutorial, summary: ordering.tutorial },
        { name: "shop: accepted", color: COLORS.shop, summary: ordering.accepted },
        { name: "shop: confirmed", color: COLORS.shop, summary: ordering.confirmed },
      ],
    ],
  ];
  let y = 16;
  const drawn = panels.map(([title, rows]) => {
    const panel = drawPanel(title, rows, y);
    y += ROW * (rows.length + 1) + 24;
    return panel;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 8}" viewBox="0 0 ${WIDTH} ${y + 8}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
${drawn.join("\n")}
<text x="16" y="${y - 2}" font-size="11" fill="#57606a">Bars are medians, dots are rounds. ${machine.cores} cores, Node ${machine.node}.</text>
</svg>
`;
}

function drawPanel(title: string, rows: BarRow[], top: number): string {
  const highest = Math.max(1, ...rows.flatMap(({ summary }) => [summary.perSecond, ...summary.rounds]));
  const x = (value: number) => (LEFT + (value / highest) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const bars = rows.map(({ name, color, summary }, index) => {
    const y = top + ROW * (index + 1);
    const width = Number(x(summary.perSecond)) - LEFT;
    const dots = summary.rounds.map((value) => `<circle cx="${x(value)}" cy="${y + 8}" r="2.5" fill="#24292f"/>`);
    const figure = Math.round(summary.perSecond).toLocaleString("en");
    return `<text x="${LEFT - 8}" y="${y + 12}" text-anchor="end">${name}</text>
<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="16" fill="${color}"/>
${dots.join("")}
<text x="${WIDTH - RIGHT + 12}" y="${y + 12}">${figure}</text>`;
  });
  return `<text x="16" y="${top + 12}" font-weight="bold">${title}</text>\n${bars.join("\n")}`;
}
