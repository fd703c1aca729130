import assert from "node:assert/strict";
import { test } from "vitest";
import { withRun } from "./files.ts";

const document = "# Title\n<!-- A run of `npm run bench`, written by it. -->\nold\n<!-- End of the run. -->\nfoot\n";

test("replaces the run in the document and nothing else", () => {
  const once = withRun(document, "new");
  assert.equal(once, document.replace("\nold", "\n\nnew"));
  assert.equal(withRun(once, "new"), once);
});

test("refuses a document without the marks", () => {
  assert.throws(() => withRun("# Title\n", "new"), /lacks/);
});
