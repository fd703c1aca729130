/** How a resource that sidecars cannot do is complained about. */
import type { Problem } from "../../resources/problem.ts";
import { nameOf, type Resource } from "../../resources/resource.ts";

/** Says that a resource, or its `path`, cannot be used: what it is like, and what to do. */
export type Complain = (resource: Resource, path: string, state: string) => Problem;

export const complain: Complain = (resource, path, state) => ({
  ...resource.source,
  resource: nameOf(resource),
  path,
  message: `Cannot use ${nameOf(resource)}, ${path}: ${state}`,
});
