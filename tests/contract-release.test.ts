import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeEach, test } from "vitest";

const project = resolve(import.meta.dirname, "..");
const root = mkdtempSync(join(tmpdir(), "row-contract-"));
afterAll(() => rmSync(root, { recursive: true }));

beforeEach(() => {
  for (const path of ["proto", "services", "buf.yaml"]) {
    rmSync(join(root, path), { recursive: true, force: true });
    const isCode = (source: string) => !/node_modules|\/src\b|\/test\b|\/prisma\b/.test(source.slice(project.length));
    cpSync(join(project, path), join(root, path), {
      recursive: true,
      filter: path === "services" ? isCode : undefined,
    });
  }
  rmSync(join(root, "node_modules"), { force: true });
  symlinkSync(join(project, "node_modules"), join(root, "node_modules"));
});

function script(name: string): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(project, `scripts/${name}.ts`), root], {
    encoding: "utf8",
    env: { ...process.env, PATH: `${join(project, "node_modules/.bin")}:${process.env.PATH}` },
  });
  return { code: status, said: stdout + stderr };
}

function edit(file: string, from: string | RegExp, to: string): void {
  const path = join(root, "proto/shop", file);
  const before = readFileSync(path, "utf8");
  const changed = before.replace(from, to);
  assert.notEqual(changed, before, `${file} holds no ${from}`);
  writeFileSync(path, changed);
}

test("finds nothing broken in the contracts as they are", () => {
  assert.deepEqual(script("check-breaking"), { code: 0, said: "" });
});

test("refuses a removed field, a renamed JSON field and a changed type", () => {
  edit("orders/v1/order.proto", /.*bool cancel_requested = 8;\n/, "");
  edit("catalog/v1/product.proto", "string sku = 2", "string code = 2");
  edit("payments/v1/payment.proto", "string order_id = 2", "int64 order_id = 2");
  const { code, said } = script("check-breaking");
  assert.equal(code, 1);
  assert.match(said, /order\.proto.*"cancel_requested"/);
  assert.match(said, /product\.proto.*"code"/);
  assert.match(said, /payment\.proto.*"order_id"/);
  assert.equal(script("release-contract").code, 1);
});

test("refuses a removed method, and a change to what two services share", () => {
  edit("auth/v1/auth_service.proto", /rpc Logout\([\s\S]*?\n {2}}\n/, "");
  edit("shipping/v1/address.proto", /.*string city = 4 \[[\s\S]*?\];\n/, "");
  const { code, said } = script("check-breaking");
  assert.equal(code, 1);
  assert.match(said, /RPC "Logout"/);
  assert.match(said, /address\.proto.*"city"/);
});

test("refuses a REST path, a body or a call that was bound otherwise, and says whose calls break", () => {
  edit("orders/v1/order_service.proto", '"/v1/orders/{id}:cancel"', '"/v1/orders/{id}:stop"');
  edit("catalog/v1/catalog_service.proto", 'get: "/v1/products/{id}"', 'get: "/v1/products/{id}/details"');
  const { code, said } = script("check-breaking");
  assert.equal(code, 1);
  assert.match(
    said,
    /OrderService\.CancelOrder: POST \/v1\/orders\/\{id\}:cancel body=\* is gone: its REST clients get 404/,
  );
  assert.match(said, /CatalogService\.GetProduct: GET \/v1\/products\/\{id\} is gone/);
});

test("refuses rules that refuse more than they did, and lets those go that refuse less", () => {
  edit(
    "catalog/v1/catalog_service.proto",
    "string name = 2 [(buf.validate.field).string.max_len = 200]",
    "string name = 2 [(buf.validate.field).string.max_len = 100]",
  );
  edit(
    "catalog/v1/catalog_service.proto",
    "string description = 3 [(buf.validate.field).string.max_len = 4000]",
    "string description = 3 [(buf.validate.field).string.max_len = 9000]",
  );
  edit(
    "catalog/v1/catalog_service.proto",
    "string category_id = 4 [(buf.validate.field).string.max_len = 64]",
    "string category_id = 4 [(buf.validate.field).string.max_len = 64, (buf.validate.field).required = true]",
  );
  const { code, said } = script("check-breaking");
  assert.equal(code, 1);
  assert.match(
    said,
    /UpdateProductRequest\.name: maxLen is "200" no more: "100": callers who send what was valid are refused/,
  );
  assert.match(said, /UpdateProductRequest\.category_id: required is new: true/);
  assert.doesNotMatch(said, /UpdateProductRequest\.description/);
});

test("refuses a new field that callers must know, and less access, callers or time", () => {
  edit(
    "catalog/v1/catalog_service.proto",
    "  google.protobuf.FieldMask update_mask = 5;",
    "  google.protobuf.FieldMask update_mask = 5;\n  // Is why.\n  string reason = 6 [(buf.validate.field).required = true];",
  );
  edit("catalog/v1/catalog_service.proto", /access: ACCESS_PUBLIC/, "access: ACCESS_SIGNED_IN");
  edit("catalog/v1/catalog_service.proto", /call_class: CALL_CLASS_NORMAL/, "call_class: CALL_CLASS_FAST");
  edit("inventory/v1/inventory_service.proto", /callers: (?:\["orders"\]|"orders")/, 'callers: "nobody"');
  const { code, said } = script("check-breaking");
  assert.equal(code, 1);
  assert.match(said, /UpdateProductRequest\.reason: is new and required: callers who do not know it are refused/);
  assert.match(said, /access is SIGNED_IN: refused now are callers who are nobody signed in/);
  assert.match(said, /call class is FAST, not NORMAL: callers who wait/);
  assert.match(said, /InventoryService\.\w+: the service orders may not call it any more/);
});

test("takes an idempotency level that is added, and refuses one that is taken away", () => {
  edit(
    "orders/v1/order_service.proto",
    /option \(shop\.options\.v1\.method\)/,
    "option idempotency_level = IDEMPOTENT;\n    option (shop.options.v1.method)",
  );
  assert.deepEqual(script("check-breaking"), { code: 0, said: "" });
  edit("catalog/v1/catalog_service.proto", /option idempotency_level = NO_SIDE_EFFECTS;/, "");
  assert.match(script("check-breaking").said, /may not be repeated any more/);
});

test("lets contracts grow, and protects what was released", () => {
  const added = "\n  // Is a note.\n  string note = 12;\n\n  // States of an order.";
  edit("orders/v1/order.proto", "\n  // States of an order.", added);
  assert.deepEqual(script("check-breaking"), { code: 0, said: "" });
  assert.match(script("release-contract").said, /orders.*: commit it/);
  edit("orders/v1/order.proto", added, "\n  // States of an order.");
  assert.match(script("check-breaking").said, /"note"/);
});

test("names a service whose contract was never released", () => {
  cpSync(join(root, "services/orders/service.yaml"), join(root, "services/shipping/service.yaml"));
  const { code, said } = script("check-breaking");
  assert.equal(code, 1);
  assert.match(said, /not protected: shipping\./);
  assert.equal(script("release-contract").code, 0);
  assert.equal(script("check-breaking").code, 0);
});
