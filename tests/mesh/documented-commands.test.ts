import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { welcome } from "@row/cli/commands/welcome.ts";
import { realPort } from "@row/laptop/installation.ts";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { afterAll, beforeAll, test } from "vitest";
import { isAsDocumented, readCommands, Shell } from "../harness/documented-commands.ts";
import { portBase } from "../harness/ports.ts";

const root = resolve(import.meta.dirname, "../..");
const PORT_BASE = await portBase();
/** Each leaves the shop as it found it. */
const DOCUMENTS = ["docs/mesh.md", "docs/behaviours.md"];
/** What a reader types; here it is the code under test, on the Node that runs it. */
const NPX = 'npx() { [ "$1" = row ] && shift && "$NODE" cli/src/main.ts "$@"; }';

const folder = mkdtempSync(join(tmpdir(), "row-documented-"));
let shop: Shop;
let shell: Shell;

beforeAll(async () => {
  const stateDir = join(folder, "state");
  shop = await startShop({ stateDir, portBase: PORT_BASE, isThrowaway: true });
  const PATH = `${join(root, "node_modules/.bin")}:${process.env.PATH}`;
  const env = { PATH, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(PORT_BASE), NODE: process.execPath };
  shell = new Shell(root, env, NPX);
});

afterAll(async () => {
  shell?.close();
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

for (const document of DOCUMENTS) {
  const commands = readCommands(readFileSync(join(root, document), "utf8"));

  test(`${document} has commands`, () => {
    assert.ok(commands.length > 5, `${commands.length} commands`);
  });

  for (const { line, command, output } of commands) {
    test(`${document}:${line}: ${command.split("\n")[0]}`, async () => {
      const printed = await shell.run(here(command));
      const expected = output.map(here);
      if (isAsDocumented(expected, printed)) return;
      assert.fail(`It prints\n${printed.join("\n")}\n\nwhere the document says\n${expected.join("\n")}`);
    });
  }
}

/** Each line that `row toolbox` shows, whole where a backslash breaks it. */
async function toolboxLines(): Promise<string[]> {
  const said = (await shell.run("npx row toolbox")).join("\n").replaceAll(/ \\\n +/g, " ");
  return said.split("\n").flatMap((line) => /^ {2}(\S.*)$/.exec(line)?.[1] ?? []);
}

test("row toolbox shows lines for grpcurl, buf curl and row call", async () => {
  const programs = (await toolboxLines()).map((line) => line.split(" ")[0]);
  assert.deepEqual(programs, ["grpcurl", "grpcurl", "grpcurl", "buf", "npx"]);
});

const hasGrpcurl = spawnSync("grpcurl", ["--version"]).error === undefined;
for (const program of ["grpcurl", "buf", "npx"]) {
  test(`what row toolbox shows for ${program} works as it stands`, async (context) => {
    context.skip(program === "grpcurl" && !hasGrpcurl, "grpcurl is not installed");
    for (const line of (await toolboxLines()).filter((one) => one.startsWith(`${program} `))) {
      const printed = await shell.run(`${line} && echo worked`);
      assert.equal(printed.at(-1), "worked", `${line}\n${printed.join("\n")}`);
      assert.match(printed.join("\n"), /categories|status|shop\.catalog\.v1\.CatalogService/, line);
    }
  });
}

test("what npm start shows is there: each address, each command, and a password for each user", async () => {
  const shown = welcome(shop.installation, shop.services, await shop.meshControl.about({}));
  const [, url = ""] = /^ {2}Shop +(http:\S+)/m.exec(shown) ?? [];
  for (const page of ["/", "/docs"]) {
    assert.deepEqual(await shell.run(`curl -s -o /dev/null -w '%{http_code}' ${url}${page}`), ["200"], page);
  }
  const [, grpc = ""] = /^ {2}gRPC +(\S+)/m.exec(shown) ?? [];
  const services = [...(/^ {2}Services +(.*)$/m.exec(shown)?.[1] ?? "").matchAll(/(\S+) :(\d+)/g)];
  assert.ok(services.length > 3, shown);
  for (const address of [grpc, ...services.map(([, , port]) => `127.0.0.1:${port}`)]) {
    assert.match((await shell.run(`npx row call --address ${address} --list`)).join("\n"), /^shop\./m, address);
  }
  const commands = [...shown.matchAll(/npx row [a-z]+/g)].map(([command]) => command);
  assert.ok(commands.length > 0);
  for (const command of commands) {
    const printed = await shell.run(`${command} && echo worked`);
    assert.equal(printed.at(-1), "worked", `${command}\n${printed.join("\n")}`);
  }
  const [, users = ""] = /^ {2}Users +(.*)$/m.exec(shown) ?? [];
  const [, password = ""] = /^ {2}Password +(\S+)$/m.exec(shown) ?? [];
  for (const email of users.split(", ")) {
    const printed = await shell.run(`npx row call AuthService.Login '${JSON.stringify({ email, password })}'`);
    assert.match(printed.join("\n"), /"accessToken"/, email);
  }
});

/** Ports as this shop has them, and files of its own. */
function here(text: string): string {
  const shift = (_: string, host: string, port: string) => `${host}:${realPort(shop.installation, Number(port))}`;
  return text.replace(/(localhost|127\.0\.0\.1):(\d{4,5})/g, shift).replaceAll("/tmp/", `${folder}/`);
}
