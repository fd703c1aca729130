import { startShop } from "./shop.ts";

const shop = await startShop({
  stateDir: "/tmp/row-cli-real",
  portBase: 12000,
  services: process.argv.slice(2),
  report: (p) => console.log(p.text),
});
console.log(JSON.stringify((await shop.status()).backlogs), shop.process("postgres").address);
await new Promise((r) => process.stdin.once("data", r));
await shop.destroy();
