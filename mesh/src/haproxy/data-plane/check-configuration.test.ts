import assert from "node:assert/strict";
import { test } from "vitest";
import { complaints } from "./check-configuration.ts";

test("keeps what is wrong and where, and drops the rest", () => {
  const printed = `[NOTICE]   (29911) : haproxy version is 2.6.12-1+deb12u4
[WARNING]  (29911) : config : missing timeouts for frontend 'f'.
[ALERT]    (29911) : config : parsing [/run/a/haproxy.cfg:16] : unknown keyword 'bogus' in 'backend' section
[ALERT]    (29911) : config : Proxy 'b', server 's' [/run/a/haproxy.cfg:18] verify is enabled but no CA file specified.
[ALERT]    (29911) : config : Error(s) found in configuration file : /run/a/haproxy.cfg
[ALERT]    (29911) : config : Fatal errors found in configuration.
`;
  assert.equal(
    complaints(printed, "/run/a/haproxy.cfg"),
    "line 16: unknown keyword 'bogus' in 'backend' section; Proxy 'b', server 's' [/run/a/haproxy.cfg:18] verify is enabled but no CA file specified",
  );
});

test("keeps the summary when there is nothing better", () => {
  assert.equal(
    complaints("[ALERT]    (1) : config : Fatal errors found in configuration.\n", "a"),
    "Fatal errors found in configuration",
  );
});
