import assert from "node:assert/strict";
import { test } from "vitest";
import { address, ConfigError, integer, oneOf, optional, parseEnv, text, url } from "./config.ts";

const spec = {
  name: text("NAME"),
  size: integer("SIZE", { min: 1, max: 9 }, 5),
  level: oneOf("LEVEL", ["low", "high"]),
  database: url("DATABASE_URL", ["postgres"]),
  listen: address("LISTEN"),
  extra: optional(text("EXTRA")),
};
const good = { NAME: "x", LEVEL: "low", DATABASE_URL: "postgres://h/d", LISTEN: "127.0.0.1:1" };

test("values are parsed, defaults filled in and optional ones left out", () => {
  const config = parseEnv(spec, good);
  assert.deepEqual(
    { ...config },
    { name: "x", size: 5, level: "low", database: "postgres://h/d", listen: "127.0.0.1:1", extra: undefined },
  );
});

test("one error lists every bad variable", () => {
  const env = { NAME: "", SIZE: "10", LEVEL: "medium", DATABASE_URL: "http://h", LISTEN: "nowhere" };
  assert.throws(
    () => parseEnv(spec, env),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(
        error.message,
        "Cannot start: NAME is missing; SIZE must be a whole number from 1 to 9; LEVEL must be one of low, high; " +
          "DATABASE_URL must be a URL that starts with postgres://; LISTEN must be host:port or unix:/path",
      );
      return true;
    },
  );
});

test("a unix socket is an address", () => {
  assert.equal(parseEnv(spec, { ...good, LISTEN: "unix:/run/x.sock" }).listen, "unix:/run/x.sock");
});
