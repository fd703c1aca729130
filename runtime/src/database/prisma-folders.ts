import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The migrations that a service's database needs, in this order: the runtime's own, then the service's. */
export function prismaFolders(serviceFolder: string): { folder: string; schema: string }[] {
  return [
    { folder: fileURLToPath(new URL("../../prisma", import.meta.url)), schema: "runtime" },
    { folder: join(serviceFolder, "prisma"), schema: "public" },
  ];
}
