/** How a report looks: on a wide screen, on a phone, in the dark and on paper. Pure: a text only. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2128; --soft: #57606a; --line: #d0d7de; --panel: #f6f8fa;
  --c0: #1c2128; --c1: #0969da; --c2: #bc4c00; --c3: #8250df; --c4: #1a7f37; --c5: #bf3989; --c6: #6e5600; --level: #cf222e; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --soft: #9da7b3; --line: #3d444d; --panel: #161b22;
  --c0: #e6edf3; --c1: #58a6ff; --c2: #f0883e; --c3: #bc8cff; --c4: #56d364; --c5: #ff9bce; --c6: #d8b548; --level: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 68rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.125rem; margin: 2.25rem 0 .75rem; }
p { margin: .5rem 0; overflow-wrap: anywhere; }
.soft, footer { color: var(--soft); }
.verdict { margin: 1.25rem 0; padding: 1rem; background: var(--panel); border: 2px solid var(--ink); border-radius: .5rem; }
.verdict strong { display: block; font-size: 1.25rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
tbody tr:last-child > * { border-bottom: 0; }
td .range { display: block; color: var(--soft); font-weight: 400; }
tr.decided > * { font-weight: 700; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .75rem; border: 1px solid var(--line); border-radius: .5rem; break-inside: avoid; }
figcaption { font-weight: 600; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem .9rem; margin: .35rem 0; padding: 0; font-size: .8125rem; }
.legend li { display: flex; align-items: center; gap: .35rem; }
figure > svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 13px system-ui, sans-serif; }
svg text.level { fill: var(--level); font-weight: 600; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
svg text.moment { font-size: 11px; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; } path.moment { stroke: var(--soft); stroke-dasharray: 2 2; fill: none; }
.grid { stroke: var(--line); fill: none; } .axis { stroke: var(--soft); fill: none; }
path.level { stroke: var(--level); stroke-width: 1.5; fill: none; }
.curve { fill: none; stroke-width: 1.5; } .curve.main { stroke-width: 3; } .mark { stroke-width: 1.5; }
${[0, 1, 2, 3, 4, 5, 6].map((index) => `.c${index} { stroke: var(--c${index}); } .mark.c${index} { fill: var(--paper); }`).join("\n")}
@media (max-width: 46rem) { thead { display: none; } tbody, tr, th, td { display: block; text-align: left; white-space: normal; border-bottom: 0; padding: .1rem .75rem; }
  tr { padding: .6rem 0; border-bottom: 1px solid var(--line); } td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); font-weight: 400; } td:empty { display: none; } td .range { display: inline; } }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print { body { max-width: none; padding: 0; font-size: .8rem; } .charts { grid-template-columns: 1fr 1fr; } .wide { overflow: visible; } th, td { padding: .25rem .4rem; white-space: normal; } h2 { break-after: avoid; } }
`;
