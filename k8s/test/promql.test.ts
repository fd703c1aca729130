import assert from "node:assert/strict";
import { test } from "vitest";
import { referencesOf } from "./promql.ts";

const metricsOf = (expression: string) => referencesOf(expression).selectors.map(({ metric }) => metric);

test("finds the metrics, matchers and labels of a query", () => {
  const { selectors, groupings } = referencesOf(`
    # a share
    sum by (namespace, le) (rate(a_bucket{namespace="shop", path!~"x}{(\\"", b=~'$c'}[5m:30s] offset 1h))
      / on (namespace) group_left (pod) sum without (d) (level:e:rate5m) > bool 0.5`);
  assert.deepEqual(selectors, [
    {
      metric: "a_bucket",
      matchers: [
        { label: "namespace", operator: "=", value: "shop" },
        { label: "path", operator: "!~", value: 'x}{(\\"' },
        { label: "b", operator: "=~", value: "$c" },
      ],
    },
    { metric: "level:e:rate5m", matchers: [] },
  ]);
  assert.deepEqual(groupings, ["namespace", "le", "namespace", "pod", "d"]);
});

test("takes functions, numbers and words for no metrics", () => {
  assert.deepEqual(metricsOf("topk(10, histogram_quantile(0.99, a)) and b unless 1e3 * 2 > c - time()"), [
    "a",
    "b",
    "c",
  ]);
  assert.deepEqual(metricsOf("sum(x) / on () group_left sum(y)"), ["x", "y"]);
});

test("reads Grafana's label_values", () => {
  const { selectors, groupings } = referencesOf('label_values(a{b="c"}, d)');
  assert.deepEqual(selectors, [{ metric: "a", matchers: [{ label: "b", operator: "=", value: "c" }] }]);
  assert.deepEqual(groupings, ["d"]);
});

test("refuses what is no query", () => {
  for (const bad of ["sum(a{b=c})", '{b="c"}', "sum by (a (b)", "1 + 2", 'a{b "c"}']) {
    assert.throws(() => referencesOf(bad), /Cannot read a query/, bad);
  }
});
