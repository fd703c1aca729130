/** Matches as HAProxy's conditions. */

import type { GrpcCandidate, HttpCandidate } from "../../policy/precedence.ts";
import type { HeaderMatch } from "../../resources/resource.ts";
import { quoted } from "./section.ts";

/** A condition and what it decides for. */
export interface Choice<Candidate> {
  readonly candidate: Candidate;
  /** "{ path … } { req.fhdr(x) … }"; "" is always true. */
  readonly condition: string;
}

/**
 * The candidates in order, each with its condition. Plain methods of one rule come as one condition: they exclude each
 * other, so only those of the same method need an order.
 */
export function grpcChoices(candidates: readonly GrpcCandidate[]): Choice<GrpcCandidate>[] {
  const choices: Choice<GrpcCandidate>[] = [];
  const plain = new Map<string, { candidate: GrpcCandidate; paths: string[] }>();
  const taken = new Set<string>();
  const rest: Choice<GrpcCandidate>[] = [];
  for (const candidate of candidates) {
    const { service, method } = candidate.match?.method ?? {};
    const headers = candidate.match?.headers ?? [];
    if (service === undefined || method === undefined) {
      rest.push({ candidate, condition: [...methodCondition(service, method), ...headers.map(header)].join(" ") });
      continue;
    }
    const path = `/${service}/${method}`;
    if (headers.length > 0) {
      choices.push({ candidate, condition: [`{ path -- ${quoted(path)} }`, ...headers.map(header)].join(" ") });
    } else if (!taken.has(path)) {
      taken.add(path);
      const key = `${candidate.route.metadata.namespace}/${candidate.route.metadata.name}:${candidate.rule}`;
      const group = plain.get(key) ?? { candidate, paths: [] };
      group.paths.push(path);
      plain.set(key, group);
    }
  }
  for (const { candidate, paths } of plain.values()) {
    choices.push({ candidate, condition: `{ path -- ${paths.map(quoted).join(" ")} }` });
  }
  return upToCatchAll([...choices, ...rest]);
}

export function httpChoices(candidates: readonly HttpCandidate[]): Choice<HttpCandidate>[] {
  const choices = candidates.map((candidate) => {
    const { match } = candidate;
    if (!match) return { candidate, condition: "" };
    const method = match.method === undefined ? [] : [`{ method ${match.method} }`];
    return { candidate, condition: [...pathCondition(match.path), ...method, ...match.headers.map(header)].join(" ") };
  });
  return upToCatchAll(choices);
}

/** What comes after a condition that is always true is never reached. */
function upToCatchAll<Candidate>(choices: Choice<Candidate>[]): Choice<Candidate>[] {
  const end = choices.findIndex(({ condition }) => condition === "");
  return end < 0 ? choices : choices.slice(0, end + 1);
}

function methodCondition(service: string | undefined, method: string | undefined): string[] {
  if (service !== undefined) return [`{ path_beg -- ${quoted(`/${service}/`)} }`];
  return method === undefined ? [] : [`{ path_end -- ${quoted(`/${method}`)} }`];
}

/** A prefix counts in whole segments: "/a" takes "/a" and "/a/b", not "/ab". */
function pathCondition({ type, value }: { type: "Exact" | "PathPrefix"; value: string }): string[] {
  if (type === "Exact") return [`{ path -- ${quoted(value)} }`];
  const prefix = value.replace(/\/+$/, "");
  if (prefix === "") return [];
  return [`{ path -m reg -- ${quoted(`^${prefix.replace(/[^\w/]/g, "\\$&")}(/|$)`)} }`];
}

/** The whole value counts, commas included; a regular expression must fit all of it. */
function header({ type, name, value }: HeaderMatch): string {
  const how = type === "Exact" ? `-m str -- ${quoted(value)}` : `-m reg -- ${quoted(`^(?:${value})$`)}`;
  return `{ req.fhdr(${name}) ${how} }`;
}
