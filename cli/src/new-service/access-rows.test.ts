import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { withService } from "./access-rows.ts";

const BEFORE = `# Who may call what

| RPC  | anonymous | admin |
| ---- | --------- | ----- |
| a/Do | no        | yes   |

Some words.

| RPC                              | edge | a   | others | nobody |
| -------------------------------- | ---- | --- | ------ | ------ |
| shop.auth.v1.AuthService/GetKeySet | yes  | no  | no     | yes    |
| a/Do                             | yes  | no  | no     | yes    |

The end.
`;

test("a new service gets its rows in both tables, and a column before the one for all others", () => {
  const rows = [
    { rpc: "b/Get", users: ["anonymous", "admin"] },
    { rpc: "b/Do", users: ["admin"] },
  ];
  assert.equal(
    withService(BEFORE, "b", rows),
    `# Who may call what

| RPC   | anonymous | admin |
| ----- | --------- | ----- |
| a/Do  | no        | yes   |
| b/Get | yes       | yes   |
| b/Do  | no        | yes   |

Some words.

| RPC                                | edge | a   | b   | others | nobody |
| ---------------------------------- | ---- | --- | --- | ------ | ------ |
| shop.auth.v1.AuthService/GetKeySet | yes  | no  | yes | no     | yes    |
| a/Do                               | yes  | no  | no  | no     | yes    |
| b/Get                              | yes  | no  | no  | no     | yes    |
| b/Do                               | yes  | no  | no  | no     | yes    |

The end.
`,
  );
});

test("nothing else of the shop's own table changes", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../tests/access.md"), "utf8");
  const without = withService(text, "wishes", [])
    .replaceAll(/^(\| [\w./]+ +\|.*)\| (?:wishes|no {4}|yes {3}|------) (\| \S+ +\| \S+ +\|)$/gm, "$1$2")
    .replaceAll(/^(\| -+ \|.*)\| ------ (\| ------ \| ------ \|)$/gm, "$1$2");
  assert.equal(without, text);
});
