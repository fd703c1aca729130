/**
 * Finds the route of a method and a path in a tree of path segments.
 *
 * Where several templates match, segment by segment from the left a literal beats `*` and `*` beats `**`, and a method beats
 * the method `*`. A path that ends in a verb which any method has there is a resource of its own: templates without a verb do
 * not match it. A path with an empty segment ("/v1//x", "/v1/x/") matches nothing.
 */
import { ANY_METHOD } from "./binding.ts";
import { type PathTemplate, parsePathTemplate, type Segment } from "./path-template.ts";

interface Node<R> {
  readonly literals: Map<string, Node<R>>;
  one: Node<R> | undefined;
  /** The node of `**`; it has no children. */
  rest: Node<R> | undefined;
  /** Routes that end here, by verb (empty for none) and HTTP method. */
  readonly ends: Map<string, Map<string, R>>;
}

function newNode<R>(): Node<R> {
  return { literals: new Map(), one: undefined, rest: undefined, ends: new Map() };
}

/** A route that was found, and the path's segments, still percent-encoded, for its variables. */
export interface Match<R> {
  readonly route: R;
  readonly segments: readonly string[];
}

export class Router<R> {
  readonly #root = newNode<R>();
  readonly #methods = new Set<string>();

  /** Adds a route; throws when another already has the method and a template that matches the same paths. */
  add(method: string, source: string, route: R): PathTemplate {
    const template = parsePathTemplate(source);
    let node = this.#root;
    for (const segment of template.segments) node = child(node, segment);
    const byMethod = node.ends.get(template.verb) ?? new Map<string, R>();
    if (byMethod.has(method)) throw new Error(`Cannot add ${method} ${source}: another route matches the same paths`);
    node.ends.set(template.verb, byMethod.set(method, route));
    this.#methods.add(method);
    return template;
  }

  /** Finds the most specific route of a method for a path without its query; undefined when there is none. */
  find(method: string, path: string): Match<R> | undefined {
    const { segments, verb } = this.#resource(path);
    const route = find(this.#root, segments, 0, verb, method);
    return route === undefined ? undefined : { route, segments };
  }

  /** Lists the HTTP methods that have a route for a path. */
  methodsOf(path: string): string[] {
    return [...this.#methods].filter((method) => this.find(method, path) !== undefined).sort();
  }

  /** The segments of a path and its verb, if that is one which these segments have by some method. */
  #resource(path: string): { segments: readonly string[]; verb: string } {
    const segments = path.split("/");
    segments.shift();
    const last = segments.at(-1) ?? "";
    const colon = last.lastIndexOf(":");
    if (colon > 0 && colon < last.length - 1) {
      const bare = [...segments.slice(0, -1), last.slice(0, colon)];
      const verb = last.slice(colon + 1);
      for (const method of this.#methods) {
        if (find(this.#root, bare, 0, verb, method) !== undefined) return { segments: bare, verb };
      }
    }
    return { segments, verb: "" };
  }
}

function child<R>(node: Node<R>, segment: Segment): Node<R> {
  if (segment.kind === "one") {
    node.one ??= newNode();
    return node.one;
  }
  if (segment.kind === "rest") {
    node.rest ??= newNode();
    return node.rest;
  }
  const next = node.literals.get(segment.text) ?? newNode();
  node.literals.set(segment.text, next);
  return next;
}

function find<R>(
  node: Node<R>,
  segments: readonly string[],
  depth: number,
  verb: string,
  method: string,
): R | undefined {
  const segment = segments[depth];
  if (segment === undefined) {
    return routeAt(node, verb, method) ?? (node.rest && routeAt(node.rest, verb, method));
  }
  if (segment === "") return undefined;
  const literal = node.literals.get(segment) ?? decodedLiteral(node, segment);
  const byLiteral = literal && find(literal, segments, depth + 1, verb, method);
  if (byLiteral !== undefined) return byLiteral;
  const byOne = node.one && find(node.one, segments, depth + 1, verb, method);
  if (byOne !== undefined) return byOne;
  if (!node.rest || segments.includes("", depth)) return undefined;
  return routeAt(node.rest, verb, method);
}

/** HEAD is GET without the body (RFC 9110 §9.3.2). */
function routeAt<R>({ ends }: Node<R>, verb: string, method: string): R | undefined {
  const byMethod = ends.get(verb);
  if (!byMethod) return undefined;
  return byMethod.get(method) ?? (method === "HEAD" ? byMethod.get("GET") : undefined) ?? byMethod.get(ANY_METHOD);
}

/** "/v1/%70roducts" is "/v1/products". */
function decodedLiteral<R>(node: Node<R>, segment: string): Node<R> | undefined {
  if (!segment.includes("%")) return undefined;
  try {
    return node.literals.get(decodeURIComponent(segment));
  } catch {
    return undefined;
  }
}
