import { readFileSync } from "node:fs";

const pss = () => Number(readFileSync("/proc/self/smaps_rollup", "utf8").match(/Pss:\s+(\d+)/)?.[1]);
const a = pss();
await import("pg");
const b = pss();
const { PrismaPg } = await import("@prisma/adapter-pg");
const { PrismaClient } = await import("@row/gen/prisma/catalog/client.ts");
const c = pss();
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: "postgresql://x@127.0.0.1:1/x" }) });
await prisma.category.findMany().catch(() => {});
const d = pss();
await new Promise((r) => setTimeout(r, 3000));
console.log({ base: a, pg: b - a, prismaImport: c - b, prismaUse: d - c, later: pss() - d });
