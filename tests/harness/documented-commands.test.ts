import assert from "node:assert/strict";
import { afterAll, test } from "vitest";
import { isAsDocumented, readCommands, Shell } from "./documented-commands.ts";

const DOCUMENT = `# A document

$ not this

\`\`\`sh
$ nor this
\`\`\`

\`\`\`console
$ echo one
one
$ cat > /tmp/file <<'EOF'
$ not a command
\`\`\`
EOF
$ NAME=two
\`\`\`

Some words.

\`\`\`console
$ echo $NAME
two
…
\`\`\`
`;

test("reads the commands of console blocks, heredocs with them, and what they print", () => {
  assert.deepEqual(readCommands(DOCUMENT), [
    { line: 10, command: "echo one", output: ["one"] },
    { line: 12, command: "cat > /tmp/file <<'EOF'\n$ not a command\n```\nEOF", output: [] },
    { line: 16, command: "NAME=two", output: [] },
    { line: 22, command: "echo $NAME", output: ["two", "…"] },
  ]);
  assert.throws(() => readCommands("```console\n$ echo"), /no end/);
});

test("takes what is printed line by line, and … for anything", () => {
  const lines = ["NAME   STATE", "a.b    ready (1)", "last"];
  for (const expected of [
    lines,
    ["NAME … STATE", "a.b …", "last"],
    ["…"],
    ["…", "last"],
    ["NAME…", "…"],
    ["…", "…ready…", "…"],
    [...lines, "…"],
  ]) {
    assert.ok(isAsDocumented(expected, lines), expected.join("\n"));
  }
  for (const expected of [
    [],
    ["NAME   STATE"],
    ["NAME STATE", "…"],
    ["…", "a.b"],
    ["…", "a?b …", "last"],
    ["…", "NAME …", "last"],
    [...lines, "more"],
    [...lines, ""],
  ]) {
    assert.ok(!isAsDocumented(expected, lines), expected.join("\n"));
  }
  assert.ok(isAsDocumented([], []));
  assert.ok(!isAsDocumented(["…x"], []));
});

test("runs all commands in one bash, and takes both outputs", async () => {
  const shell = new Shell("/", { GREETING: "hello" }, "greet() { echo $GREETING $1; }");
  afterAll(() => shell.close());
  assert.deepEqual(await shell.run("NAME=you"), []);
  assert.deepEqual(await shell.run("greet $NAME; echo trouble >&2; false"), ["hello you", "trouble"]);
  assert.deepEqual(await shell.run("cat <<'EOF'\n$NAME\nEOF"), ["$NAME"]);
  assert.deepEqual(await shell.run("cat; printf 'no end'"), ["no end"]);
  assert.deepEqual(await shell.run("pwd"), ["/"]);
  await assert.rejects(shell.run("exit 3"), /exit code 3/);
});
