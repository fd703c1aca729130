import assert from "node:assert/strict";
import { discoverServices, selectServices } from "@row/topology/service-manifest.ts";
import { test } from "vitest";
import { Secrets } from "../src/secrets.ts";
import { processEnvironment } from "../src/shop/service-process.ts";
import { prepareStateDir } from "../src/state-dir.ts";
import { smallProject } from "./small-project.ts";

const ALPHA =
  "name: alpha\nport: 5071\nadminPort: 6071\npostgres: true\ncalls: [beta, bank]\nsecrets: [SALT]\nenv: {LIMIT: 3}\n";
const BETA = "name: beta\nport: 5072\nadminPort: 6072\n";

test("discovers the services that have a service.yaml, and the edge", (context) => {
  const project = smallProject({
    "services/alpha/service.yaml": ALPHA,
    "services/beta/service.yaml": BETA,
    "services/notes/README.md": "no service",
    "edge/service.yaml": "name: edge\nkind: gateway\nport: 8080\ngrpcPort: 8081\nadminPort: 6080\n",
  });
  context.onTestFinished(project.remove);
  const services = discoverServices(project.root);
  assert.deepEqual(
    services.map(({ name, port }) => [name, port]),
    [
      ["alpha", 5071],
      ["beta", 5072],
      ["edge", 8080],
    ],
  );
  assert.throws(() => selectServices(services, ["gamma"]), /Unknown service gamma: there are alpha, beta, edge/);
});

test("refuses a manifest with a message that names the file and the field", (context) => {
  const project = smallProject({ "services/alpha/service.yaml": "name: alpha\nport: high\nadminPort: 6071\n" });
  context.onTestFinished(project.remove);
  assert.throws(() => discoverServices(project.root), /services\/alpha\/service\.yaml: "port" must be a port/);
});

test("refuses two services that declare the same port", (context) => {
  const project = smallProject({
    "services/alpha/service.yaml": "name: alpha\nport: 5071\nadminPort: 6071\n",
    "services/beta/service.yaml": "name: beta\nport: 5072\nadminPort: 6071\n",
  });
  context.onTestFinished(project.remove);
  assert.throws(() => discoverServices(project.root), /Port 6071 is declared by both alpha and beta/);
});

test("gives a service its addresses, its callees, its own secrets and nothing of the terminal's", (context) => {
  const project = smallProject({
    "services/alpha/service.yaml": ALPHA,
    "services/beta/service.yaml": BETA,
    "services/bank/service.yaml": "name: bank\nkind: outside\nport: 5490\n",
  });
  context.onTestFinished(project.remove);
  process.env.SOMETHING_PERSONAL = "yes";
  const services = discoverServices(project.root);
  prepareStateDir(project.stateDir);
  const installation = { root: project.root, stateDir: project.stateDir, portBase: 12000 };
  const [alpha] = selectServices(services, ["alpha"]);
  assert.ok(alpha);
  const environment = () => processEnvironment(alpha, services, installation, new Secrets(project.stateDir));
  const env = environment();
  assert.equal(env.LISTEN_ADDRESS, "127.0.0.1:12071");
  assert.equal(env.ADMIN_ADDRESS, "127.0.0.1:13071");
  assert.equal(env.BETA_ADDRESS, "127.0.0.1:12072");
  assert.equal(env.BANK_URL, "http://127.0.0.1:12490");
  assert.equal(env.INSTANCE, "alpha-v1-1");
  assert.equal(env.LIMIT, "3");
  assert.match(env.DATABASE_URL ?? "", /^postgresql:\/\/alpha:[\w-]{43}@127\.0\.0\.1:12480\/alpha\?host=%2F/);
  assert.equal(env.SOMETHING_PERSONAL, undefined);
  assert.equal(env.SALT?.length, 43);
  assert.deepEqual(environment(), env, "secrets must be the same in the next run");
});
