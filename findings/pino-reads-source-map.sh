#!/usr/bin/env bash
# pino 10.4.0 on Node 26.10: under --enable-source-maps, making a logger reads and parses the whole source map of who makes it, for good.
# Expected: a map is read when a stack is shown. pino asks util.getCallSites() for the files of its callers, in case there is a transport;
# with the flag Node answers in places of the sources, so it needs the map, and keeps what it parsed for as long as the module lives.
# Seen: 200,000 mappings -> megabytes more on the heap after pino() with the flag. After module.setSourceMapsSupport(), by which stacks
# are mapped all the same, there are none.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null; npm install --silent --no-fund --no-audit pino@10.4.0
cat >make.mjs <<'JS'
import { writeFileSync } from "node:fs";
const LINES = 200_000;
const program = `import { pino } from "pino";
const heap = () => { gc(); return process.memoryUsage().heapUsed; };
const before = heap();
globalThis.logger = pino({ level: "silent" });
console.log(heap() - before > 4e6 ? "megabytes" : "little");
console.log(/source\\.ts:/.test(new Error("here").stack) ? "mapped" : "not mapped");
`;
writeFileSync("program.mjs", `${program}${";\n".repeat(LINES)}//# sourceMappingURL=program.mjs.map\n`);
writeFileSync("source.ts", "0;\n".repeat(LINES + 6));
writeFileSync("program.mjs.map", JSON.stringify({ version: 3, sources: ["source.ts"], names: [], mappings: "AAAA;" + "AACA;".repeat(LINES + 5) }));
JS
node make.mjs
echo 'import { setSourceMapsSupport } from "node:module"; setSourceMapsSupport(true); await import("./program.mjs");' >entry.mjs
flag=$(node --expose-gc --enable-source-maps program.mjs | xargs); call=$(node --expose-gc entry.mjs | xargs)
echo "with the flag: $flag"; echo "by setSourceMapsSupport: $call"
[[ $flag == "megabytes mapped" && $call == "little mapped" ]] || { echo "pino or Node behaves differently now"; exit 1; }
