import { runEdge } from "./process.ts";

await runEdge();
