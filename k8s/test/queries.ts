/** Every query of the dashboards and the alerts, and where it stands. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { field, list, root } from "./manifests.ts";

export interface Query {
  readonly where: string;
  readonly expression: string;
}

export interface Rule {
  readonly file: string;
  /** Of an alert; undefined of a recording rule. */
  readonly alert: string | undefined;
  /** The metric that a recording rule makes. */
  readonly record: string | undefined;
  readonly expression: string;
  readonly labels: unknown;
  readonly annotations: unknown;
}

export interface Panel {
  readonly dashboard: string;
  readonly title: string;
  readonly object: unknown;
}

export function dashboards(): { file: string; dashboard: unknown }[] {
  const files = globSync("k8s/dashboards/*.json", { cwd: root }).sort();
  return files.map((file) => ({ file, dashboard: JSON.parse(readFileSync(join(root, file), "utf8")) }));
}

export function panels(): Panel[] {
  return dashboards().flatMap(({ file, dashboard }) =>
    list(dashboard, "panels").map((object) => ({
      dashboard: basename(file),
      title: String(field(object, "title")),
      object,
    })),
  );
}

export function rules(): Rule[] {
  const files = globSync("k8s/alerts/*.rules.yaml", { cwd: root }).sort();
  return files.flatMap((file) =>
    list(parse(readFileSync(join(root, file), "utf8")), "groups").flatMap((group) =>
      list(group, "rules").map((rule) => ({
        file,
        alert: text(rule, "alert"),
        record: text(rule, "record"),
        expression: text(rule, "expr") ?? "",
        labels: field(rule, "labels"),
        annotations: field(rule, "annotations"),
      })),
    ),
  );
}

/** PromQL and LogQL apart: they look alike and are not. */
export function promQueries(): Query[] {
  return [...panelQueries("prometheus"), ...variableQueries(), ...ruleQueries()];
}

export function logQueries(): Query[] {
  return panelQueries("loki");
}

function panelQueries(type: string): Query[] {
  return panels().flatMap(({ dashboard, title, object }) =>
    list(object, "targets")
      .filter((target) => field(target, "datasource", "type") === type)
      .map((target) => ({ where: `${dashboard}: ${title}`, expression: text(target, "expr") ?? "" })),
  );
}

function variableQueries(): Query[] {
  return dashboards().flatMap(({ file, dashboard }) =>
    list(dashboard, "templating", "list")
      .filter((variable) => field(variable, "type") === "query")
      .map((variable) => ({
        where: `${basename(file)}: $${field(variable, "name")}`,
        expression: text(variable, "definition") ?? "",
      })),
  );
}

function ruleQueries(): Query[] {
  return rules().map(({ file, alert, record, expression }) => ({
    where: `${basename(file)}: ${alert ?? record}`,
    expression,
  }));
}

function text(object: unknown, key: string): string | undefined {
  const value = field(object, key);
  return typeof value === "string" ? value : undefined;
}
