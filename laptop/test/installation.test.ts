import assert from "node:assert/strict";
import { test } from "vitest";
import { installationFrom, portBaseWarning, realPort } from "../src/installation.ts";

test("moves every declared port by ROW_PORT_BASE", () => {
  assert.equal(realPort(installationFrom({}), 5056), 5056);
  assert.equal(realPort(installationFrom({ ROW_PORT_BASE: "12000" }), 5056), 12056);
});

test("keeps state where ROW_STATE_DIR says", () => {
  assert.equal(installationFrom({ ROW_STATE_DIR: "/tmp/elsewhere" }).stateDir, "/tmp/elsewhere");
});

for (const value of ["abc", "80", "64000", "5000.5"]) {
  test(`refuses ROW_PORT_BASE=${value} with a message that names it`, () => {
    assert.throws(() => installationFrom({ ROW_PORT_BASE: value }), new RegExp(`ROW_PORT_BASE=${value}`));
  });
}

test("warns of a port base whose ports an outgoing connection may hold, and names the safe ones", () => {
  assert.equal(portBaseWarning(installationFrom({ ROW_PORT_BASE: "29667" })), undefined);
  assert.match(
    portBaseWarning(installationFrom({ ROW_PORT_BASE: "29668" })) ?? "",
    /^ROW_PORT_BASE=29668 gives .*: 1024 to 29667 is safe$/,
  );
});
