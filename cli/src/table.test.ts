import assert from "node:assert/strict";
import { styleText } from "node:util";
import { test } from "vitest";
import { table } from "./table.ts";
import { widthOf } from "./terminal.ts";

const ROWS = [
  ["NAME", "STATE", "PID", "WHERE"],
  ["catalog", "ready", "12345", "grpc 127.0.0.1:5053  admin 127.0.0.1:9053"],
  ["auth", "starting", "7", ""],
];
const linesOf = (width?: number, rows = ROWS) => table(rows, width).flatMap((row) => row.split("\n"));

test("whoever reads no terminal gets a line for each row, however long it is", () => {
  assert.deepEqual(linesOf(), [
    "NAME     STATE     PID    WHERE",
    "catalog  ready     12345  grpc 127.0.0.1:5053  admin 127.0.0.1:9053",
    "auth     starting  7",
  ]);
});

test("a last column that is too long goes on below itself, and what belongs together stays in a line", () => {
  assert.deepEqual(linesOf(62), [
    "NAME     STATE     PID    WHERE",
    "catalog  ready     12345  grpc 127.0.0.1:5053",
    "                          admin 127.0.0.1:9053",
    "auth     starting  7",
  ]);
});

test("columns that do not fit stand below their row, under one another", () => {
  assert.deepEqual(linesOf(23), [
    "NAME     STATE",
    "  PID",
    "  WHERE",
    "catalog  ready",
    "  12345",
    "  grpc 127.0.0.1:5053",
    "  admin 127.0.0.1:9053",
    "auth     starting",
    "  7",
  ]);
});

test("no line is longer than the terminal is wide, and no value is lost", () => {
  for (let width = 24; width <= 80; width += 1) {
    const lines = linesOf(width);
    for (const line of lines) assert.ok(widthOf(line) <= width, `${width}: ${line}`);
    for (const value of ["catalog", "ready", "12345", "127.0.0.1:5053", "starting"])
      assert.ok(
        lines.some((line) => line.includes(value)),
        `${width}: ${value}`,
      );
  }
});

test("a sentence in the last column is broken between words, and colours take no room", () => {
  const red = styleText("red", "✗", { validateStream: false });
  assert.deepEqual(linesOf(48, [[red, "clock", "is 40 minutes behind that of the network"]]), [
    `${red}  clock  is 40 minutes behind that of the`,
    "          network",
  ]);
});
